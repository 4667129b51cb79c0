/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vhostguest - a VMM and its guest in one process, on real vhost-net: a tap or macvtap, one vhost
 * worker for each queue.
 *
 *   vhostguest NAME QUEUES tap|macvtap [-- WORDS]
 *
 * Says READY; then for each line "QUEUE COUNT good|bad|short|stuck" of standard input sends COUNT
 * frames of 100 bytes from that queue (bad: a virtio-net header with an unknown GSO type; short: 8
 * bytes behind the header) and says "sent COUNT" when the worker has taken them all; stuck: it
 * never takes one with a checksum outside the frame, and tries for ever. WORDS are for whoever
 * reads the command line. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { RX, TX, RINGS };
enum { RING = 256, SLOT = 2048, MAX_QUEUES = 8, HEADER = 12, FRAME = 100, SHORT = 8 };
#define MEMORY (2UL << 20)
#define SLOTS (512UL << 10)	/* where the frames lie, behind the rings */

struct queue {
	unsigned char *memory;
	struct vring rings[RINGS];
	int vhost, tap, kick, used;	/* eventfds: ours to the worker, the worker's to us */
	uint16_t next;
};

static void fail(const char *what)
{
	fprintf(stderr, "vhostguest: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(int r, const char *what)
{
	if (r < 0)
		fail(what);
}

static int open_tap(const char *name, int multi)
{
	struct ifreq ifr = {
		.ifr_flags =
			(short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (multi ? IFF_MULTI_QUEUE : 0)),
	};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	must(fd, "/dev/net/tun");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	must(ioctl(fd, TUNSETIFF, &ifr), name);
	return fd;
}

static int open_macvtap(const char *name)
{
	struct ifreq ifr = {
		.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE),
	};
	unsigned int index = if_nametoindex(name), major, minor;
	char path[128];
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/net/%s/tap%u/dev", name, index);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%u:%u", &major, &minor) != 2)
		fail(path);
	fclose(f);
	snprintf(path, sizeof(path), "/dev/tap%u", index);
	if (mknod(path, S_IFCHR | 0600, makedev(major, minor)) < 0 && errno != EEXIST)
		fail(path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	must(fd, path);
	must(ioctl(fd, TUNSETIFF, &ifr), name);
	return fd;
}

static void set_ring(struct queue *q, unsigned int which)
{
	struct vring *r = &q->rings[which];
	struct vhost_vring_state state = { which, RING };
	struct vhost_vring_file kick = { which, eventfd(0, EFD_CLOEXEC) },
				call = { which, eventfd(0, EFD_CLOEXEC) };
	struct vhost_vring_file backend = { which, q->tap };
	struct vhost_vring_addr at = { .index = which };

	vring_init(r, RING, q->memory + which * (64UL << 10), 4096);
	at.desc_user_addr = (uintptr_t)r->desc;
	at.avail_user_addr = (uintptr_t)r->avail;
	at.used_user_addr = (uintptr_t)r->used;
	must(ioctl(q->vhost, VHOST_SET_VRING_NUM, &state), "ring length");
	state.num = 0;
	must(ioctl(q->vhost, VHOST_SET_VRING_BASE, &state), "ring base");
	must(ioctl(q->vhost, VHOST_SET_VRING_ADDR, &at), "ring addresses");
	must(ioctl(q->vhost, VHOST_SET_VRING_KICK, &kick), "kick");
	must(ioctl(q->vhost, VHOST_SET_VRING_CALL, &call), "call");
	must(ioctl(q->vhost, VHOST_NET_SET_BACKEND, &backend), "backend");
	if (which == TX) {
		q->kick = kick.fd;
		q->used = call.fd;
	}
}

/* A guest's physical addresses are this process' own. */
static void set_up(struct queue *q)
{
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region;
	} table = { .head = { .nregions = 1 } };
	uint64_t features = 1ULL << VIRTIO_F_VERSION_1;
	/* no limit of the send buffer: the worker takes frames in batches */
	int header = HEADER, unlimited = INT32_MAX;

	must(ioctl(q->tap, TUNSETVNETHDRSZ, &header), "header length");
	must(ioctl(q->tap, TUNSETSNDBUF, &unlimited), "send buffer");
	q->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (q->memory == MAP_FAILED)
		fail("memory");
	table.region = (struct vhost_memory_region){ (uintptr_t)q->memory, MEMORY,
						     (uintptr_t)q->memory, 0 };
	q->vhost = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
	must(q->vhost, "/dev/vhost-net");
	must(ioctl(q->vhost, VHOST_SET_OWNER, 0), "owner");
	must(ioctl(q->vhost, VHOST_SET_FEATURES, &features), "features");
	must(ioctl(q->vhost, VHOST_SET_MEM_TABLE, &table), "memory table");
	for (unsigned int i = 0; i < RINGS; i++)
		set_ring(q, i);
}

static void post(struct queue *q, const char *kind)
{
	struct vring *r = &q->rings[TX];
	uint16_t slot = q->next++ % RING;
	unsigned char *at = q->memory + SLOTS + (size_t)slot * SLOT;
	struct virtio_net_hdr *header = (void *)at;

	memset(at, 0, SLOT);
	if (!strcmp(kind, "bad")) {
		header->gso_type = 99;
		header->gso_size = 100;
	}
	if (!strcmp(kind, "stuck")) {
		header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header->csum_start = 5000;
	}
	memset(at + HEADER, 0xff, 6);			/* to everybody, */
	memcpy(at + HEADER + 6, "\x02\0\0\0\0\1\x88\xb5", 8);	/* in a protocol for experiments */
	r->desc[slot] = (struct vring_desc){
		.addr = (uintptr_t)at,
		.len = HEADER + (strcmp(kind, "short") ? FRAME : SHORT),
	};
	r->avail->ring[r->avail->idx % RING] = slot;
	__sync_synchronize();
	r->avail->idx++;
}

/* Half a ring at a time. */
static void send_all(struct queue *q, unsigned int count, const char *kind)
{
	volatile uint16_t *used = &q->rings[TX].used->idx;
	uint64_t n = 1;

	for (unsigned int i = 0; i < count; i++) {
		post(q, kind);
		if (i + 1 < count && (i + 1) % (RING / 2))
			continue;
		must((int)write(q->kick, &n, sizeof(n)), "kick");
		while (*used != q->rings[TX].avail->idx && strcmp(kind, "stuck") != 0)
			must((int)read(q->used, &n, sizeof(n)), "call");
		n = 1;
	}
}

static void up(const char *name)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	must(ioctl(fd, SIOCGIFFLAGS, &ifr), name);
	ifr.ifr_flags |= IFF_UP;
	must(ioctl(fd, SIOCSIFFLAGS, &ifr), name);
	close(fd);
}

int main(int argc, char **argv)
{
	static struct queue queues[MAX_QUEUES];
	unsigned int n = argc > 3 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0, at, count;
	char line[128], kind[16];

	if (!n || n > MAX_QUEUES) {
		fprintf(stderr, "usage: vhostguest NAME 1-%d tap|macvtap [-- WORDS]\n", MAX_QUEUES);
		return 2;
	}
	for (unsigned int i = 0; i < n; i++) {
		queues[i].tap = strcmp(argv[3], "macvtap") ? open_tap(argv[1], n > 1)
							   : open_macvtap(argv[1]);
		set_up(&queues[i]);
	}
	up(argv[1]);
	puts("READY");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%u %u %15s", &at, &count, kind) != 3 || at >= n)
			return 2;
		send_all(&queues[at], count, kind);
		printf("sent %u\n", count);
		fflush(stdout);
	}
	return 0;
}
