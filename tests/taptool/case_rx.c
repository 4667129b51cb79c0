/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that are lost on their way through a tap to its guest. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
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
	f->left = RING;
	return RING + offer(f);
}

/* Two rings, many flows. */
static void tap_two_rings(struct fault *f)
{
	f->fd = tap_open(f->dev, IFF_TAP | IFF_VNET_HDR | IFF_MULTI_QUEUE);
	f->fd2 = tap_open(f->dev, IFF_TAP | IFF_VNET_HDR | IFF_MULTI_QUEUE);
	device_set_ring(f->dev, RING);
	device_up(f->dev);
}

static unsigned int full_ring_flows(struct fault *f)
{
	uint8_t b[LEN];
	int fd = packet_socket(f->dev, false);

	for (unsigned int i = 0; i < 200; i++) {
		frame_udp(b, broadcast, LEN, (uint16_t)(i % 32));
		if (!packet_send(fd, b, LEN))
			die("send");
	}
	close(fd);
	f->delivered = tap_read_all(f->fd) + tap_read_all(f->fd2);
	return 200;
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

static void persistent(struct fault *f)
{
	tap(f);
	if (ioctl(f->fd, TUNSETPERSIST, 1) < 0)
		die("persist");
}

/* The queue discipline of a persistent tap without a reader goes some time after its last queue:
 * here it has not. */
static unsigned int close_and_offer(struct fault *f)
{
	f->fd = close_fd(f->fd);
	return offer(f);
}

/* Here it has: the device's carrier is gone, and frames end in the discipline of a device that is
 * not there (noop). */
static void no_reader_late(struct fault *f)
{
	persistent(f);
	f->fd = close_fd(f->fd);
	run("for i in $(seq 500); do ip -j link show dev %s | grep -q '\"operstate\":\"DOWN\"' && "
	    "exit; sleep 0.02; done; exit 1",
	    f->dev);
}

static unsigned int offer_refused(struct fault *f)
{
	uint8_t b[LEN];
	int fd = packet_socket(f->dev, false);

	frame_test(b, broadcast, LEN, 0);
	for (unsigned int i = 0; i < f->count; i++)
		send(fd, b, LEN, 0);	/* some kernels say ENOBUFS, others nothing */
	close(fd);
	return f->count;
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
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)none,
		.insn_cnt = ARRAY_SIZE(none),
		.license = (uintptr_t) "GPL",
	};
	int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	tap(f);
	if (program < 0 || ioctl(f->fd, TUNSETFILTEREBPF, &program) < 0)
		die("eBPF filter");
}

/* A TCP super-frame whose header length makes no sense, to a tap that wants no GSO: it cannot be
 * cut up. */
static unsigned int bad_gso(struct fault *f)
{
	const struct vnet v = {
		VIRTIO_NET_HDR_F_NEEDS_CSUM,
		VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 54,
		.gso_size = 1000,
		.csum_start = 34,
		.csum_offset = 16,
	};
	uint8_t b[VNET_HDR + 4096];
	int fd = packet_socket(f->dev, false), one = 1;
	size_t len = frame_tcp(b + VNET_HDR, broadcast, 3000, 1);

	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0)
		die("virtio-net header");
	vnet_put(b, &v);
	for (unsigned int i = 0; i < f->count; i++)
		/* lost and counted in any case; since 6.12 the sender is told so (EINVAL) */
		send(fd, b, VNET_HDR + len, 0);
	close(fd);
	return f->count;
}

static unsigned int shrink(struct fault *f)
{
	unsigned int n = f->count < RING ? f->count : RING;

	packet_send_many(f->dev, broadcast, n, LEN);
	device_set_ring(f->dev, 1);
	f->left = 1;
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

const struct fault_case cases_rx[] = {
	{ "full_ring", "nobody reads: the ring (16) is filled, then COUNT frames more", "tap", tap,
	  full_ring },
	{ "full_ring_mq", "nobody reads two queues, 32 flows", "tap", tap_two_rings,
	  full_ring_flows },
	{ "detached", "the only queue is detached", "tap", detached, offer },
	{ "no_reader", "a persistent tap that nobody holds", "tap", persistent, close_and_offer },
	{ "no_reader_late", "the same when the device has lost its carrier", "tap", no_reader_late,
	  offer_refused },
	{ "txfilter", "the VMM's address filter", "tap", txfilter, offer_foreign },
	{ "sockfilter", "a socket filter that takes nothing", "tap", sockfilter, offer },
	{ "ebpffilter", "an eBPF filter that takes nothing", "tap", ebpffilter, offer },
	{ "gso_notso", "a bad GSO frame to a tap without GSO", "tap", tap, bad_gso },
	{ "purge_shrink", "the ring is made shorter than what it holds (1 stays)", "tap", tap,
	  shrink },
	{ "purge_detach", "a queue that holds frames is detached", "tap", tap_two_queues,
	  fill_and_detach },
	{ "purge_close", "a queue that holds frames is closed", "tap", persistent, fill_and_close },
	{ "purge_close_gone", "a queue that holds frames is closed, the device goes with it", "tap",
	  tap, fill_and_close },
	{ "purge_delete", "a device that holds frames is deleted", "tap", tap, fill_and_delete },
	{ 0 },
};
