/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that are lost on their way through a tap to its guest. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include "taptool.h"

#define RING 16
#define LEN 200

static void tap(struct fault *f)
{
	f->fd = tap_open(f->dev, IFF_TAP | IFF_VNET_HDR);
	device_set_ring(f->dev, RING);
	device_up(f->dev);
}

static void tap_two_queues(struct fault *f)
{
	f->fd = tap_open(f->dev, IFF_TAP | IFF_VNET_HDR | IFF_MULTI_QUEUE);
	device_up(f->dev);
}

static unsigned int offer(struct fault *f)
{
	packet_send_many(f->dev, broadcast, f->count, LEN);
	return f->count;
}

static unsigned int full_ring(struct fault *f)
{
	packet_send_many(f->dev, broadcast, RING, LEN);
	return RING + offer(f);
}

static void detach(struct fault *f)
{
	struct ifreq ifr = { .ifr_flags = IFF_DETACH_QUEUE };

	if (ioctl(f->fd, TUNSETQUEUE, &ifr) < 0)
		die("detach");
}

static void detached(struct fault *f)
{
	tap_two_queues(f);
	detach(f);
}

/* The queue discipline of a persistent tap without a reader goes some time after its last queue: here it has not. */
static void no_reader(struct fault *f)
{
	tap(f);
	if (ioctl(f->fd, TUNSETPERSIST, 1) < 0)
		die("persist");
	f->fd = close_fd(f->fd);
}

static void txfilter(struct fault *f)
{
	struct {
		struct tun_filter head;
		uint8_t address[1][6];
	} only = { .head.count = 1, .address = { { 2, 0, 0, 0, 0, 1 } } };

	tap(f);
	if (ioctl(f->fd, TUNSETTXFILTER, &only) < 0)
		die("address filter");
}

static unsigned int offer_foreign(struct fault *f)
{
	packet_send_many(f->dev, (const uint8_t *)"\2\0\0\0\0\7", f->count, LEN);
	return f->count;
}

static void sockfilter(struct fault *f)
{
	struct sock_filter none = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog program = { 1, &none };

	tap(f);
	if (ioctl(f->fd, TUNATTACHFILTER, &program) < 0)
		die("socket filter");
}

static void ebpffilter(struct fault *f)
{
	const struct bpf_insn none[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = (uintptr_t)none, .insn_cnt = ARRAY_SIZE(none),
		.license = (uintptr_t)"GPL",
	};
	int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	tap(f);
	if (program < 0 || ioctl(f->fd, TUNSETFILTEREBPF, &program) < 0)
		die("eBPF filter");
}

/* A TCP super-frame whose header length makes no sense, to a tap that wants no GSO: it cannot be cut up. */
static unsigned int bad_gso(struct fault *f)
{
	const struct vnet v = {
		VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4, .hdr_len = 54, .gso_size = 1000,
		.csum_start = 34, .csum_offset = 16,
	};
	uint8_t b[VNET_HDR + 4096];
	int fd = packet_socket(f->dev, false), one = 1;
	size_t len = frame_tcp(b + VNET_HDR, broadcast, 3000, 1);

	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0)
		die("virtio-net header");
	vnet_put(b, &v);
	for (unsigned int i = 0; i < f->count; i++)
		if (!packet_send(fd, b, VNET_HDR + len))
			die("send");
	close(fd);
	return f->count;
}

/* Buffers smaller than the virtio-net header: what a guest without mergeable buffers does with too small ones. */
static unsigned int read_small(struct fault *f)
{
	uint8_t b[5];

	for (unsigned int i = 0; i < f->count; i++) {
		packet_send_many(f->dev, broadcast, 1, LEN);
		if (read(f->fd, b, sizeof(b)) >= 0)
			die("a read that should have failed");
	}
	return f->count;
}

static unsigned int read_bad_page(struct fault *f)
{
	void *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (unsigned int i = 0; i < f->count; i++) {
		packet_send_many(f->dev, broadcast, 1, LEN);
		if (read(f->fd, bad, 4096) >= 0)
			die("a read that should have failed");
	}
	munmap(bad, 4096);
	return f->count;
}

static unsigned int shrink(struct fault *f)
{
	unsigned int n = f->count < RING ? f->count : RING;

	packet_send_many(f->dev, broadcast, n, LEN);
	device_set_ring(f->dev, 1);
	return n;
}

static unsigned int fill_and_detach(struct fault *f)
{
	offer(f);
	detach(f);
	return f->count;
}

static unsigned int fill_and_delete(struct fault *f)
{
	offer(f);
	run("ip link del %s", f->dev);
	return f->count;
}

static unsigned int fill_and_close(struct fault *f)
{
	offer(f);
	f->fd = close_fd(f->fd);
	return f->count;
}

static void persistent(struct fault *f)
{
	tap(f);
	if (ioctl(f->fd, TUNSETPERSIST, 1) < 0)
		die("persist");
}

static unsigned int deliver(struct fault *f)
{
	uint8_t b[2048];

	for (unsigned int i = 0; i < f->count; i++) {
		packet_send_many(f->dev, broadcast, 1, LEN);
		if (read(f->fd, b, sizeof(b)) != VNET_HDR + LEN)
			die("read");
	}
	return f->count;
}

const struct fault_case cases_rx[] = {
	{ "full_ring", "nobody reads: the ring (16) is filled, then COUNT frames more", "tap", tap, full_ring },
	{ "detached", "the only queue is detached", "tap", detached, offer },
	{ "no_reader", "a persistent tap that nobody holds", "tap", no_reader, offer },
	{ "txfilter", "the VMM's address filter", "tap", txfilter, offer_foreign },
	{ "sockfilter", "a socket filter that takes nothing", "tap", sockfilter, offer },
	{ "ebpffilter", "an eBPF filter that takes nothing", "tap", ebpffilter, offer },
	{ "gso_notso", "a bad GSO frame to a tap without GSO", "tap", tap, bad_gso },
	{ "read_small", "buffers too small for a frame", "tap", tap, read_small },
	{ "read_bad_page", "buffers that are not mapped", "tap", tap, read_bad_page },
	{ "purge_shrink", "the ring is made shorter than what it holds (1 stays)", "tap", tap, shrink },
	{ "purge_detach", "a queue that holds frames is detached", "tap", tap_two_queues, fill_and_detach },
	{ "purge_close", "a queue that holds frames is closed", "tap", persistent, fill_and_close },
	{ "purge_delete", "a device that holds frames is deleted", "tap", tap, fill_and_delete },
	{ "deliver", "no loss: every frame is read", "tap", tap, deliver },
	{ 0 },
};
