/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drop_cost - what counting costs, by the kernel's own clock on BPF programs (run_time_ns /
 * run_cnt).
 *
 *   drop_cost [--prog NAME] [--runs N] [--frames N] [--macs N] drops   frames into a tap that
 * nobody reads drop_cost ...                                   nobody      frames that die on a
 * device that is no tap (veth v0, v1) drop_cost ...                                   path the
 * same, addressed to a VM drop_cost ...                                   delivered   frames
 * through a tap that is read
 *
 * --macs: that many VMs' addresses are watched for on the path above the taps. --senders: the
 * frames come into the tap (t0, there already) from that many ports of its bridge (s0, s1, ...; a
 * name like f0 for the end to send into), in turn. Prints one line: median ns per run, runs of the
 * program, frames dropped, frames counted, frames dropped a second (0: not measured). Without
 * --prog it loads taploss' own program; with it, it watches one that somebody else has loaded. Run
 * it in a network namespace of its own. */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "collector/base.h"
#include "collector/loss/loss.h"

#define MAX_RUNS 31
#define RING 64
#define FRAME 60
#define BATCH 64
#define PART 512
#define WAIT_MS 10000

struct cost {
	uint64_t ns, runs;
};

struct bench {
	const char *prog;	/* of somebody else */
	unsigned int runs;
	uint64_t frames;
	unsigned int macs, senders;
	struct loss *loss;
	int prog_fd;
};

static int fail(const char *what)
{
	fprintf(stderr, "drop_cost: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool named(const struct bpf_prog_info *info, const char *want)
{
	return want ? !strcmp(info->name, want)
		    : !strcmp(info->name, "loss_reason") || !strcmp(info->name, "loss_noreason");
}

/* The youngest program of that name: ours, also when an agent is counting on this machine. */
static int find_prog(const char *want)
{
	uint32_t id = 0;
	int found = -1;

	while (bpf_prog_get_next_id(id, &id) == 0) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && named(&info, want)) {
			close_fd(found);
			found = fd;
		} else {
			close_fd(fd);
		}
	}
	return found;
}

static struct cost cost_of(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		fail("reading the program's cost");
	return (struct cost){ info.run_time_ns, info.run_cnt };
}

/* /proc/net/dev, because /sys shows the network namespace in which it was mounted. */
static uint64_t dropped_of(const char *dev, bool tx)
{
	FILE *f = fopen("/proc/net/dev", "re");
	uint64_t rx_drop = 0, tx_drop = 0;
	char line[512], name[16];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line,
			       " %15[^:]: %*u %*u %*u %" SCNu64
			       " %*u %*u %*u %*u %*u %*u %*u %" SCNu64,
			       name, &rx_drop, &tx_drop) == 3 &&
			!strcmp(name, dev);
	if (f)
		fclose(f);
	if (!found)
		fail(dev);
	return tx ? tx_drop : rx_drop;
}

static void set_up(const char *dev)
{
	_cleanup_(close_fdp) int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", dev);
	r.ifr_qlen = RING;
	if (ioctl(s, SIOCSIFTXQLEN, &r) < 0)
		fail("txqueuelen");
	memset(&r.ifr_ifru, 0, sizeof(r.ifr_ifru));
	r.ifr_flags = IFF_UP;
	if (ioctl(s, SIOCSIFFLAGS, &r) < 0)
		fail("up");
}

static int open_tap(const char *dev)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", dev);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0)
		fail("making a tap");
	set_up(dev);
	return fd;
}

/* Where frames go out, in turn. */
static struct sockaddr_ll out[BATCH];

static void send_through(unsigned int i, const char *dev)
{
	out[i] = (struct sockaddr_ll){
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(dev),
	};
	if (!out[i].sll_ifindex)
		fail(dev);
}

/* Protocol 0: the socket sends and never receives, so that it holds no reference to what it sent.
 */
static int open_sender(const char *dev)
{
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;

	if (s < 0 || setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) < 0)
		fail(dev);
	for (unsigned int i = 0; i < BATCH; i++)
		send_through(i, dev);
	return s;
}

/* Into the bridge, by its ports' other ends. */
static int open_senders(unsigned int n)
{
	int s = open_sender("f0");
	char dev[16];

	for (unsigned int i = 0; i < BATCH; i++) {
		snprintf(dev, sizeof(dev), "f%u", i % n);
		send_through(i, dev);
	}
	return s;
}

static const uint8_t vm_mac[6] = { 0x52, 0x54, 0, 0xff, 0xff, 0xff };

/* A frame of an Ethernet type that nobody takes, to everybody. */
static unsigned char frame[FRAME] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };

/* A dropped frame ends sendmmsg() with ENOBUFS. */
static void send_frames(int s, uint64_t n)
{
	struct iovec io = { frame, sizeof(frame) };
	struct mmsghdr m[BATCH];

	memset(m, 0, sizeof(m));
	for (size_t i = 0; i < ARRAY_SIZE(m); i++)
		m[i].msg_hdr = (struct msghdr){
			.msg_name = &out[i],
			.msg_namelen = sizeof(out[i]),
			.msg_iov = &io,
			.msg_iovlen = 1,
		};
	while (n) {
		int r = sendmmsg(s, m, n < ARRAY_SIZE(m) ? (unsigned int)n : ARRAY_SIZE(m), 0);

		if (r < 0 && errno != ENOBUFS)
			fail("sending");
		n -= r < 0 ? 1 : (uint64_t)r;
	}
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct tally {
	uint32_t netns, ifindex;	/* of t0: the counters are the machine's */
	uint64_t frames;
};

static int add_counted(const struct tl_loss_key *key, const struct loss_total *total, void *arg)
{
	struct tally *t = arg;

	if (key->netns == t->netns && key->ifindex == t->ifindex)
		t->frames += total->frames;
	return 0;
}

static uint64_t counted_by(const struct bench *b)
{
	struct stat net;
	struct tally t;

	if (stat("/proc/self/ns/net", &net) < 0)
		fail("the network namespace");
	t = (struct tally){ .netns = (uint32_t)net.st_ino, .ifindex = if_nametoindex("t0") };
	if (b->loss && loss_read(b->loss, add_counted, &t) < 0)
		fail("reading the counters");
	return t.frames;
}

static void wait_dropped(const char *dev, bool tx, uint64_t want)
{
	for (int ms = 0; dropped_of(dev, tx) < want && ms < WAIT_MS; ms++)
		poll(NULL, 0, 1);
	if (dropped_of(dev, tx) >= want)
		return;
	errno = ETIME;
	fail("the frames were not dropped");
}

/* Sends one round into @dev until its counter has moved by all of it: veth hands over to a softirq
 * that may come a little later. Through a bridge in parts, for what finds no room on the way
 * (netdev_max_backlog) never comes to @dev. */
static double round_cost(const struct bench *b, int s, const char *dev, bool tx)
{
	struct cost from = cost_of(b->prog_fd), to;
	uint64_t base = dropped_of(dev, tx), part = b->senders ? PART : b->frames;

	for (uint64_t sent = 0, n; sent < b->frames; sent += n) {
		n = b->frames - sent < part ? b->frames - sent : part;
		send_frames(s, n);
		wait_dropped(dev, tx, base + sent + n);
	}
	to = cost_of(b->prog_fd);
	return to.runs == from.runs ? 0 : (double)(to.ns - from.ns) / (double)(to.runs - from.runs);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Until frames are dropped, and none is on its way: a tap's bridge does not use its port before it
 * has noticed that somebody holds it. */
static void fill_ring(int s, const char *dev, bool tx)
{
	uint64_t begin = dropped_of(dev, tx), before;

	for (int ms = 0; dropped_of(dev, tx) == begin && ms < WAIT_MS; ms += 10) {
		send_frames(s, RING);
		poll(NULL, 0, 10);
	}
	do {
		before = dropped_of(dev, tx);
		poll(NULL, 0, 50);
	} while (dropped_of(dev, tx) != before);
}

static void measure(const struct bench *b, int s, const char *dev, bool tx)
{
	struct cost from, to;
	double ns[MAX_RUNS] = { 0 }, begin;
	uint64_t counted, dropped;

	fill_ring(s, dev, tx);
	for (int i = 0; i < 20; i++) {
		uint64_t before = dropped_of(dev, tx);

		send_frames(s, PART);
		wait_dropped(dev, tx, before + PART);
	}
	dropped = dropped_of(dev, tx);
	counted = counted_by(b);
	from = cost_of(b->prog_fd);
	begin = seconds();
	for (unsigned int i = 0; i < b->runs; i++)
		ns[i] = round_cost(b, s, dev, tx);
	begin = seconds() - begin;
	to = cost_of(b->prog_fd);
	qsort(ns, b->runs, sizeof(ns[0]), by_number);
	printf("%.1f %" PRIu64 " %" PRIu64 " %" PRIu64 " %.0f\n", ns[b->runs / 2],
	       to.runs - from.runs, dropped_of(dev, tx) - dropped, counted_by(b) - counted,
	       (double)(b->frames * b->runs) / begin);
}

static void drops(const struct bench *b)
{
	_cleanup_(close_fdp) int tap = open_tap("t0");
	_cleanup_(close_fdp) int s = b->senders ? open_senders(b->senders) : open_sender("t0");

	if (b->senders)
		memcpy(frame, vm_mac, sizeof(vm_mac));
	measure(b, s, "t0", true);
}

static void nobody(const struct bench *b)
{
	_cleanup_(close_fdp) int s = open_sender("v0");

	measure(b, s, "v1", false);
}

static void path(const struct bench *b)
{
	memcpy(frame, vm_mac, sizeof(vm_mac));
	nobody(b);
}

/* Writes a ring's worth and reads it, again and again: no frame is lost, so no program may run. */
static void delivered(const struct bench *b)
{
	_cleanup_(close_fdp) int tap = open_tap("t0");
	_cleanup_(close_fdp) int s = open_sender("t0");
	struct cost from = cost_of(b->prog_fd), to;
	uint64_t n = 0, got = 0;
	char taken[256];

	for (; n < b->frames; n += RING) {
		send_frames(s, RING);
		while (read(tap, taken, sizeof(taken)) > 0)
			got++;
	}
	to = cost_of(b->prog_fd);
	printf("%.1f %" PRIu64 " %" PRIu64 " %" PRIu64 " 0\n",
	       (double)(to.ns - from.ns) / (double)got, to.runs - from.runs, dropped_of("t0", true),
	       got);
}

/* As libvirt gives them: the last three bytes at random, but for the first. */
static void watch(const struct bench *b)
{
	_cleanup_(freep) uint8_t (*macs)[6] = calloc(b->macs + 1, sizeof(*macs));

	if (!macs)
		fail("addresses");
	srandom(1);
	for (unsigned int i = 0; i < b->macs; i++) {
		long r = random();

		memcpy(macs[i],
		       i ? (uint8_t[]){ 0x52, 0x54, 0, (uint8_t)(r >> 16), (uint8_t)(r >> 8),
					(uint8_t)r }
			 : vm_mac,
		       6);
	}
	errno = -loss_watch_macs(b->loss, (const uint8_t (*)[6])macs, b->macs);
	if (errno)
		fail("watching addresses");
}

static void open_loss(struct bench *b)
{
	struct loss_options opt = { .max_keys = 4096 };
	char why[256];

	if (loss_open(&opt, &b->loss, why) < 0) {
		fprintf(stderr, "drop_cost: %s\n", why);
		exit(1);
	}
	loss_sockets_known(b->loss, why);
	watch(b);
}

static void pin_to_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static const struct {
	const char *name;
	void (*run)(const struct bench *b);
} modes[] = {
	{ "drops", drops }, { "nobody", nobody }, { "path", path }, { "delivered", delivered }
};

int main(int argc, char **argv)
{
	struct bench b = { .runs = 5, .frames = 1000000 };
	int stats;

	for (; argc > 2 && argv[1][0] == '-'; argc -= 2, argv += 2) {
		if (!strcmp(argv[1], "--prog"))
			b.prog = argv[2];
		else if (!strcmp(argv[1], "--runs"))
			b.runs = (unsigned int)strtoul(argv[2], NULL, 10);
		else if (!strcmp(argv[1], "--frames"))
			b.frames = strtoull(argv[2], NULL, 10);
		else if (!strcmp(argv[1], "--macs"))
			b.macs = (unsigned int)strtoul(argv[2], NULL, 10);
		else if (!strcmp(argv[1], "--senders"))
			b.senders = (unsigned int)strtoul(argv[2], NULL, 10);
	}
	if (argc != 2 || b.runs < 1 || b.runs > MAX_RUNS || !b.frames) {
		fprintf(stderr, "usage: drop_cost [--prog NAME] [--runs 1-31] [--frames N] [--macs "
				"N] [--senders N] drops|nobody|path|delivered\n");
		return 2;
	}
	/* for as long as it is open: nothing to put back */
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (stats < 0)
		fail("bpf statistics");
	if (!b.prog)
		open_loss(&b);
	b.prog_fd = find_prog(b.prog);
	if (b.prog_fd < 0)
		fail("the program is not there");
	pin_to_cpu();
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(modes[i].name, argv[1])) {
			modes[i].run(&b);
			loss_close(b.loss);
			return 0;
		}
	fprintf(stderr, "drop_cost: %s: no such measurement\n", argv[1]);
	return 2;
}
