/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's counters: exact, one agent at a time, and whole again wherever an agent died. Needs
 * root; in namespaces of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "collector/loss/loss.h"
#include "collector/loss/context.h"

#define RING 16

static char root[] = "/tmp/taploss-test-XXXXXX";
static char pins[128];
static char why[256];
static bool ready;

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok ? 0 : -1;
}

/* A bpffs that nobody else sees, and a network without the kernel's own chatter. */
static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(root))
		return -1;
	snprintf(pins, sizeof(pins), "%s/bpf/deep/taploss", root);
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 0;	/* every test is skipped */
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	if (mount("tmpfs", root, "tmpfs", 0, NULL) < 0)
		return 0;
	snprintf(why, sizeof(why), "%s/bpf", root);
	ready = mkdir(why, 0700) == 0 && mount("bpf", why, "bpf", 0, NULL) == 0 &&
		access("/dev/net/tun", W_OK) == 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	umount2(root, MNT_DETACH);
	return rmdir(root);
}

static int fresh(void **state)
{
	(void)state;
	return ready ? loss_unpin(pins) : 0;
}

static struct loss *start(void)
{
	struct loss_options opt = { .pin_dir = pins, .max_keys = 64 };
	struct loss *l;
	int r = loss_open(&opt, &l, why);

	if (r < 0)
		print_error("%s\n", why);
	assert_int_equal(r, 0);
	return l;
}

static int open_tap(void)
{
	struct ifreq r = { .ifr_name = "t0", .ifr_flags = IFF_TAP | IFF_NO_PI };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
	    fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	assert_true(s >= 0 && fd >= 0);
	assert_int_equal(ioctl(fd, TUNSETIFF, &r), 0);
	r.ifr_qlen = RING;
	assert_int_equal(ioctl(s, SIOCSIFTXQLEN, &r), 0);
	r.ifr_flags = IFF_UP;
	assert_int_equal(ioctl(s, SIOCSIFFLAGS, &r), 0);
	close(s);
	return fd;
}

static void send_frames(unsigned int n)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex("t0"),
	};
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;
	unsigned char frame[100] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };

	assert_int_equal(setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)), 0);
	while (n--)
		assert_true(sendto(s, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) >
				    0 ||
			    errno == ENOBUFS);
	close(s);
}

struct lost {
	struct tl_loss_key key;
	struct loss_total total;
	unsigned int keys;
	bool ingress;
};

/* Of t0, one side: other taps of the machine count as well. */
static int pick(const struct tl_loss_key *key, const struct loss_total *total, void *arg)
{
	struct lost *lost = arg;
	struct stat net;

	if (stat("/proc/self/ns/net", &net) < 0 || key->netns != net.st_ino ||
	    key->ingress != lost->ingress)
		return 0;
	lost->key = *key;
	lost->total = *total;
	lost->keys++;
	return 0;
}

static struct lost lost_at(struct loss *l, bool ingress)
{
	struct lost lost = { .ingress = ingress };

	assert_int_equal(loss_read(l, pick, &lost), 0);
	return lost;
}

static void counts_to_the_frame(void **state)
{
	struct tl_device dev;
	struct lost lost;
	struct loss *l;
	int tap;

	(void)state;
	if (!ready)
		skip();
	l = start();
	assert_true(loss_pinned(l));
	assert_false(loss_inherited(l));
	tap = open_tap();
	send_frames(100);
	lost = lost_at(l, false);
	assert_int_equal(lost.keys, 1);
	assert_int_equal(lost.total.frames, 100 - RING);
	assert_int_equal(lost.total.segments, 100 - RING);
	assert_int_equal(lost.total.bytes, (100 - RING) * 100);
	assert_int_equal(lost.key.kind, TL_KIND_TUN);
	assert_int_equal(lost.key.queue, 0);
	assert_int_equal(lost.key.task, 0);
	assert_int_equal(loss_device(l, lost.key.netns, lost.key.ifindex, &dev), 0);
	assert_string_equal(dev.name, "t0");
	assert_int_equal(dev.ring_frames, RING);
	assert_int_equal(loss_device(l, lost.key.netns, 9999, &dev), -ENOENT);
	close(tap);
	loss_close(l);
}

/* A frame that the guest's own header spoils has no device yet: its socket tells device, queue and
 * direction. */
static void guests_own_frame_is_found_by_its_socket(void **state)
{
	unsigned char frame[10 + 60] = { [1] = 99 };	/* virtio_net_hdr.gso_type: no such */
	struct ifreq r = { .ifr_name = "t0", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	struct lost lost;
	struct loss *l;
	int tap;

	(void)state;
	if (!ready)
		skip();
	l = start();
	if (!loss_sockets_known(l, why)) {
		loss_close(l);
		skip();
	}
	tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	assert_int_equal(ioctl(tap, TUNSETIFF, &r), 0);
	assert_int_equal(write(tap, frame, sizeof(frame)), -1);
	lost = lost_at(l, true);
	assert_int_equal(lost.keys, 1);
	assert_int_equal(lost.total.frames, 1);
	assert_int_equal(lost.total.bytes, 60);
	assert_int_equal(lost.key.ifindex, if_nametoindex("t0"));
	assert_int_equal(lost.key.queue, 0);
	close(tap);
	loss_close(l);
}

static void counting_goes_on_without_an_agent(void **state)
{
	struct loss_epoch before, after;
	struct lost lost;
	struct loss *l;
	int tap;

	(void)state;
	if (!ready)
		skip();
	l = start();
	loss_epoch(l, &before);
	loss_close(l);
	tap = open_tap();
	send_frames(100);
	l = start();
	loss_epoch(l, &after);
	lost = lost_at(l, false);
	assert_int_equal(lost.total.frames, 100 - RING);
	assert_true(loss_inherited(l));
	assert_true(loss_was_attached(l));
	assert_memory_equal(&before, &after, sizeof(before));
	close(tap);
	loss_close(l);
}

static void one_agent_at_a_time(void **state)
{
	struct loss_options opt = { .pin_dir = pins, .max_keys = 64 };
	struct loss *l, *second = NULL;

	(void)state;
	if (!ready)
		skip();
	l = start();
	assert_int_equal(loss_open(&opt, &second, why), -EBUSY);
	assert_null(second);
	assert_non_null(strstr(why, "another taplossd"));
	assert_int_equal(loss_unpin(pins), -EBUSY);
	loss_close(l);
	loss_close(start());
}

/* An agent can die between any two of its steps: every subset of its pins must be a good place to
 * start from. Counts survive where all maps are there; nothing counts twice, and nothing is said to
 * have been counted that was not. */
static void starts_from_any_ruin(void **state)
{
	static const char *const names[] = { "losses",	 "devices", "stats",
					     "programs", "program", "link" };
	const unsigned int all = 1U << (sizeof(names) / sizeof(names[0])), maps = 0xf,
			   link = 1U << 5;
	int tap;

	(void)state;
	if (!ready)
		skip();
	tap = open_tap();
	send_frames(RING);
	for (unsigned int keep = 0; keep < all; keep++) {
		bool whole = (keep & maps) == maps;
		struct loss *l;
		char path[256];

		assert_int_equal(loss_unpin(pins), 0);
		l = start();
		send_frames(3);
		loss_close(l);
		for (unsigned int i = 0; 1U << i < all; i++) {
			snprintf(path, sizeof(path), "%s/v%d/%s", pins, TL_ABI_VERSION, names[i]);
			if (!(keep & 1U << i))
				assert_int_equal(unlink(path), 0);
		}
		l = start();
		assert_int_equal(loss_inherited(l), whole);
		assert_int_equal(loss_was_attached(l), whole && (keep & link));
		send_frames(5);
		assert_int_equal(lost_at(l, false).total.frames, whole ? 8 : 5);
		loss_close(l);
	}
	close(tap);
}

/* The link there is must feed the maps there are: another's does not count for us, and goes. */
static void a_foreign_link_is_replaced(void **state)
{
	char from[256], to[256];
	struct lost lost;
	struct loss *l;
	int fd, tap;

	(void)state;
	if (!ready)
		skip();
	loss_close(start());
	snprintf(from, sizeof(from), "%s/v%d/link", pins, TL_ABI_VERSION);
	snprintf(to, sizeof(to), "%s/bpf/kept", root);
	fd = bpf_obj_get(from);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_pin(fd, to), 0);
	close(fd);
	assert_int_equal(loss_unpin(pins), 0);
	loss_close(start());
	assert_int_equal(unlink(from), 0);
	fd = bpf_obj_get(to);
	assert_int_equal(bpf_obj_pin(fd, from), 0);
	close(fd);
	unlink(to);
	l = start();
	assert_true(loss_inherited(l));
	assert_false(loss_was_attached(l));
	tap = open_tap();
	send_frames(RING + 7);
	lost = lost_at(l, false);
	assert_int_equal(lost.total.frames, 7);
	close(tap);
	loss_close(l);
}

static void another_layout_is_refused(void **state)
{
	struct loss_options opt = { .pin_dir = pins, .max_keys = 64 };
	struct loss *l = NULL;
	char path[256];
	int fd;

	(void)state;
	if (!ready)
		skip();
	loss_close(start());
	snprintf(path, sizeof(path), "%s/v%d/losses", pins, TL_ABI_VERSION);
	assert_int_equal(unlink(path), 0);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "other", 4, 4, 1, NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	close(fd);
	assert_int_equal(loss_open(&opt, &l, why), -EPROTO);
	assert_null(l);
	assert_int_equal(loss_unpin(pins), 0);
	assert_int_equal(access(pins, F_OK), -1);
	assert_int_equal(loss_unpin(pins), 0);
}

static void other_versions_are_swept_away(void **state)
{
	char old[256], path[300];
	int fd;

	(void)state;
	if (!ready)
		skip();
	loss_close(start());
	snprintf(old, sizeof(old), "%s/v%d", pins, TL_ABI_VERSION + 1);
	snprintf(path, sizeof(path), "%s/losses", old);
	assert_int_equal(mkdir(old, 0700), 0);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "other", 4, 4, 1, NULL);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	close(fd);
	loss_close(start());
	assert_int_equal(access(old, F_OK), -1);
}

static void full_map_is_counted(void **state)
{
	struct loss_options opt = { .max_keys = 1 };
	uint64_t stats[TL_STAT_MAX];
	struct loss *l;
	int tap;

	(void)state;
	if (!ready)
		skip();
	assert_int_equal(loss_open(&opt, &l, why), 0);
	assert_false(loss_pinned(l));
	tap = open_tap();
	send_frames(RING + 5);	/* the one key */
	close(tap);		/* the purge of the ring would be the next */
	assert_int_equal(loss_stats(l, stats), 0);
	/* more when another tap of this machine took the one key */
	assert_true(stats[TL_STAT_UNCOUNTED_FRAMES] >= RING);
	assert_true(stats[TL_STAT_UNCOUNTED_BYTES] >= RING * 100);
	assert_true(stats[TL_STAT_UNCOUNTED_FRAMES] + lost_at(l, false).total.frames >= RING + 5);
	loss_close(l);
}

static void forgets_only_what_did_not_move(void **state)
{
	struct lost lost, again;
	struct loss *l;
	int tap;

	(void)state;
	if (!ready)
		skip();
	l = start();
	tap = open_tap();
	send_frames(RING + 5);
	lost = lost_at(l, false);
	send_frames(1);
	assert_int_equal(loss_forget(l, &lost.key, &lost.total, true), -EAGAIN);
	lost = lost_at(l, false);
	assert_int_equal(lost.total.frames, 6);
	assert_int_equal(loss_forget(l, &lost.key, &lost.total, true), 0);
	assert_int_equal(loss_forget(l, &lost.key, &lost.total, true), 0);
	assert_int_equal(lost_at(l, false).keys, 0);
	send_frames(2);
	again = lost_at(l, false);
	assert_int_equal(again.total.frames, 2);
	assert_true(again.total.born_ns > lost.total.born_ns);
	close(tap);
	loss_close(l);
}

/* Is the context's program where the main one would call it? */
static bool context_is_in_place(void)
{
	uint32_t slot = TL_SLOT_CONTEXT, id = 0;
	char path[192];
	bool there;
	int fd;

	snprintf(path, sizeof(path), "%s/v%d/programs", pins, TL_ABI_VERSION);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	there = bpf_map_lookup_elem(fd, &slot, &id) == 0 && id;
	close(fd);
	return there;
}

/* Attached when a worker loses a frame without a name, where the kernel allows it; taken away when
 * none was lost for a minute, to the nanosecond. */
static void context_comes_and_goes(void **state)
{
	uint64_t t = 5000000000ULL, end = t + 2 + LOSS_CONTEXT_QUIET_NS;
	enum loss_context_state attached;
	struct loss *l;

	(void)state;
	if (!ready)
		skip();
	l = start();
	/* lost before us */
	assert_int_equal(loss_context(l, LOSS_CONTEXT_AUTO, 7, t, why), LOSS_CONTEXT_IDLE);
	assert_int_equal(loss_context(l, LOSS_CONTEXT_AUTO, 7, t + 1, why), LOSS_CONTEXT_IDLE);
	attached = loss_context(l, LOSS_CONTEXT_AUTO, 8, t + 2, why);
	assert_int_not_equal(attached, LOSS_CONTEXT_IDLE);
	assert_int_equal(context_is_in_place(), attached != LOSS_CONTEXT_REFUSED);
	assert_int_equal(why[0] != '\0', attached == LOSS_CONTEXT_REFUSED);
	assert_int_equal(loss_context(l, LOSS_CONTEXT_AUTO, 8, end - 1, why), attached);
	assert_int_equal(loss_context(l, LOSS_CONTEXT_AUTO, 8, end, why), LOSS_CONTEXT_IDLE);
	assert_false(context_is_in_place());
	/* and comes back */
	assert_int_equal(loss_context(l, LOSS_CONTEXT_AUTO, 9, end + 1, why), attached);
	assert_int_equal(loss_context(l, LOSS_CONTEXT_ON, 9, end * 2, why), attached);
	assert_int_equal(loss_context(l, LOSS_CONTEXT_OFF, 10, end * 2 + 1, why),
			 LOSS_CONTEXT_IDLE);
	assert_false(context_is_in_place());
	loss_close(l);
}

static void says_what_is_missing_without_privilege(void **state)
{
	struct loss_options opt = { .pin_dir = pins, .max_keys = 64 };
	int status;
	pid_t pid;

	(void)state;
	if (!ready)
		skip();
	pid = fork();
	if (pid == 0) {
		struct loss *l;
		bool said;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		said = loss_open(&opt, &l, why) == -EPERM && strstr(why, "CAP_BPF") &&
		       strstr(why, "CAP_PERFMON");
		opt.pin_dir = NULL;
		_exit(said && loss_open(&opt, &l, why) == -EPERM && strstr(why, "CAP_BPF") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(counts_to_the_frame),
		TEST(guests_own_frame_is_found_by_its_socket),
		TEST(counting_goes_on_without_an_agent),
		TEST(one_agent_at_a_time),
		TEST(starts_from_any_ruin),
		TEST(a_foreign_link_is_replaced),
		TEST(another_layout_is_refused),
		TEST(other_versions_are_swept_away),
		TEST(full_map_is_counted),
		TEST(forgets_only_what_did_not_move),
		TEST(context_comes_and_goes),
		TEST(says_what_is_missing_without_privilege),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);	/* a * stands for any rest */
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
