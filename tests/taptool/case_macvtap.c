/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same on a macvtap. Its lower device is one end of a veth pair made here; frames come in at
 * the other end. */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include "taptool.h"

#define RING 16
#define LEN 200
#define FLAGS (IFF_TAP | IFF_VNET_HDR)

/* 15 characters hold the macvtap's name and one more. */
static const char *near_end(const struct fault *f)
{
	static char name[16];

	snprintf(name, sizeof(name), "%.14sl", f->dev);
	return name;
}

static const char *far_end(const struct fault *f)
{
	static char name[16];

	snprintf(name, sizeof(name), "%.14sp", f->dev);
	return name;
}

static void on_lower(struct fault *f, const char *lower)
{
	run("ip link add link %s name %s type macvtap mode bridge", lower, f->dev);
	device_set_ring(f->dev, RING);
	device_up(f->dev);
	f->fd = macvtap_open(f->dev, FLAGS);
}

void macvtap_make(struct fault *f)
{
	f->macvtap = true;
	run("ip link add %s type veth peer name %s", near_end(f), far_end(f));
	device_up(near_end(f));
	device_up(far_end(f));
	on_lower(f, near_end(f));
}

void macvtap_send_in(const struct fault *f, unsigned int n, size_t len)
{
	uint8_t mac[6];

	device_mac(f->dev, mac);
	packet_send_many(far_end(f), mac, n, len);
}

static unsigned int send_in(struct fault *f, unsigned int n)
{
	macvtap_send_in(f, n, LEN);
	return n;
}

static unsigned int offer(struct fault *f)
{
	return send_in(f, f->count);
}

static unsigned int full_ring(struct fault *f)
{
	f->left = RING;
	return send_in(f, RING + f->count);
}

static void macvtap_on_tap(struct fault *f)
{
	f->lower = tap_open(near_end(f), FLAGS);
	if (ioctl(f->lower, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0)
		die("offload");
	device_up(near_end(f));
	on_lower(f, near_end(f));
	if (ioctl(f->fd, TUNSETOFFLOAD, 0) < 0)
		die("offload");
}

/* Another guest's super-frame that this one's queue must cut up and cannot. */
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
	uint8_t b[VNET_HDR + 4096], mac[6];
	size_t len;

	device_mac(f->dev, mac);
	len = frame_tcp(b + VNET_HDR, mac, 3000, 1);
	vnet_put(b, &v);
	for (unsigned int i = 0; i < f->count; i++)
		if (!tap_write(f->lower, b, VNET_HDR + len))
			die("write");
	return f->count;
}

static unsigned int bad_header(struct fault *f)
{
	uint8_t b[VNET_HDR + 2048];
	size_t len = frame_tcp(b + VNET_HDR, broadcast, 100, 5);

	vnet_put(b, &(struct vnet){ .gso_type = 99, .gso_size = 100 });
	for (unsigned int i = 0; i < f->count; i++)
		tap_write(f->fd, b, VNET_HDR + len);
	return f->count;
}

static unsigned int torn(struct fault *f)
{
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t b[VNET_HDR + 60] = { 0 };
	const struct iovec parts[] = { { b, sizeof(b) }, { page, 100 } };

	frame_test(b + VNET_HDR, broadcast, 60, 0);
	for (unsigned int i = 0; i < f->count; i++)
		if (writev(f->fd, parts, 2) >= 0)
			die("a write that should have failed");
	munmap(page, 4096);
	return f->count;
}

static unsigned int write_plain(struct fault *f)
{
	uint8_t b[VNET_HDR + 60] = { 0 };

	for (unsigned int i = 0; i < f->count; i++) {
		frame_test(b + VNET_HDR, broadcast, 60, i);
		tap_write(f->fd, b, sizeof(b));
	}
	return f->count;
}

static void down(struct fault *f)
{
	macvtap_make(f);
	run("ip link set %s down", f->dev);
}

static void unopened(struct fault *f)
{
	macvtap_make(f);
	f->fd = close_fd(f->fd);
}

static unsigned int read_small(struct fault *f)
{
	uint8_t b[5];

	for (unsigned int i = 0; i < f->count; i++) {
		send_in(f, 1);
		if (read(f->fd, b, sizeof(b)) >= 0)
			die("a read that should have failed");
	}
	return f->count;
}

static unsigned int fill_and_close(struct fault *f)
{
	offer(f);
	f->fd = close_fd(f->fd);
	return f->count;
}

static unsigned int shrink(struct fault *f)
{
	unsigned int n = f->count < RING ? f->count : RING;

	send_in(f, n);
	device_set_ring(f->dev, 1);
	f->left = 1;
	return n;
}

static unsigned int deliver(struct fault *f)
{
	uint8_t b[2048];

	for (unsigned int i = 0; i < f->count; i++) {
		send_in(f, 1);
		if (read(f->fd, b, sizeof(b)) != VNET_HDR + LEN)
			die("read");
	}
	f->delivered += f->count;
	return f->count;
}

/* Two rings, many flows: the frames' hash chooses. */
static void two_queues(struct fault *f)
{
	macvtap_make(f);
	f->fd2 = macvtap_open(f->dev, FLAGS | IFF_MULTI_QUEUE);
}

static unsigned int full_ring_flows(struct fault *f)
{
	uint8_t b[LEN], mac[6];
	int fd = packet_socket(far_end(f), false);

	device_mac(f->dev, mac);
	for (unsigned int i = 0; i < 200; i++) {
		frame_udp(b, mac, LEN, (uint16_t)(i % 32));
		if (!packet_send(fd, b, LEN))
			die("send");
	}
	close(fd);
	f->delivered = tap_read_all(f->fd) + tap_read_all(f->fd2);
	return 200;
}

/* A sound super-frame of @payload bytes for a queue that takes none: tap_handle_frame() cuts it
 * into frames of 1000. */
static unsigned int send_super_frames(struct fault *f, unsigned int n, size_t payload)
{
	const struct vnet v = {
		VIRTIO_NET_HDR_F_NEEDS_CSUM,
		VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 54,
		.gso_size = 1000,
		.csum_start = 34,
		.csum_offset = 16,
	};
	uint8_t b[VNET_HDR + 8192], mac[6];
	int fd = packet_socket(far_end(f), false), one = 1;
	size_t len;

	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0 ||
	    ioctl(f->fd, TUNSETOFFLOAD, 0) < 0)
		die("offload");
	device_mac(f->dev, mac);
	len = frame_tcp(b + VNET_HDR, mac, payload, 5);
	vnet_put(b, &v);
	for (unsigned int i = 0; i < n; i++)
		if (!packet_send(fd, b, VNET_HDR + len))
			die("send");
	close(fd);
	return n * (unsigned int)(payload / 1000);
}

static unsigned int cut_up(struct fault *f)
{
	unsigned int n = send_super_frames(f, 1, 4000);

	f->delivered = tap_read_all(f->fd);
	return n;
}

/* Four pieces each: the ring (16) is full after four, all pieces of the others are lost, and no
 * counter knows. */
static unsigned int full_ring_list(struct fault *f)
{
	unsigned int n = send_super_frames(f, 4 + f->count, 4000);

	f->delivered = tap_read_all(f->fd);
	return n;
}

static unsigned int write_short(struct fault *f)
{
	const uint8_t b[VNET_HDR + 5] = { 0 };

	for (unsigned int i = 0; i < f->count; i++)
		tap_write(f->fd, b, sizeof(b));
	return f->count;
}

static void lower_down(struct fault *f)
{
	macvtap_make(f);
	run("ip link set %s down", near_end(f));
	/* The queueing discipline of the device above goes some time after. */
	run("for i in $(seq 500); do grep -qx lowerlayerdown /sys/class/net/%s/operstate && exit; "
	    "sleep 0.02; done; exit 1",
	    f->dev);
}

static unsigned int read_bad_page(struct fault *f)
{
	void *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t b[VNET_HDR];
	const struct iovec parts[] = { { b, sizeof(b) }, { bad, 400 } };

	for (unsigned int i = 0; i < f->count; i++) {
		send_in(f, 1);
		if (readv(f->fd, parts, 2) >= 0)
			die("a read that should have failed");
	}
	munmap(bad, 4096);
	return f->count;
}

static unsigned int fill_and_delete(struct fault *f)
{
	offer(f);
	run("ip link del %s", f->dev);
	f->fd = close_fd(f->fd);
	return f->count;
}

const struct fault_case cases_macvtap[] = {
	{ "mvt_full_ring", "nobody reads: the ring (16) is filled, then COUNT frames more",
	  "macvtap", macvtap_make, full_ring },
	{ "mvt_full_ring_mq", "nobody reads two queues, 32 flows", "macvtap", two_queues,
	  full_ring_flows },
	{ "mvt_full_ring_list", "the ring fills up while a super-frame is cut up", "macvtap",
	  macvtap_make, full_ring_list },
	{ "mvt_gso_seg_ok", "no loss: a super-frame is cut up and read", "macvtap", macvtap_make,
	  cut_up },
	{ "mvt_short", "less than an Ethernet header", "macvtap", macvtap_make, write_short },
	{ "mvt_lower_down", "the device below is down", "macvtap", lower_down, write_plain },
	{ "mvt_read_efault", "buffers that are not mapped behind the header", "macvtap",
	  macvtap_make, read_bad_page },
	{ "mvt_purge_delete", "a device that holds frames is deleted, then closed", "macvtap",
	  macvtap_make, fill_and_delete },
	{ "mvt_no_reader", "no queue is open: the frames go to the host's stack", "macvtap",
	  unopened, offer },
	{ "mvt_gso_seg", "another guest's bad GSO frame", "macvtap", macvtap_on_tap, bad_gso },
	{ "mvt_badhdr", "virtio-net header with an unknown GSO type", "macvtap", macvtap_make,
	  bad_header },
	{ "mvt_ucopy", "the frame's memory cannot be read", "macvtap", macvtap_make, torn },
	{ "mvt_down", "the device is down", "macvtap", down, write_plain },
	{ "mvt_read_small", "buffers too small for a frame", "macvtap", macvtap_make, read_small },
	{ "mvt_purge_close", "a queue that holds frames is closed", "macvtap", macvtap_make,
	  fill_and_close },
	{ "mvt_purge_shrink", "the ring is made shorter than what it holds (1 stays)", "macvtap",
	  macvtap_make, shrink },
	{ "mvt_deliver", "no loss: every frame is read", "macvtap", macvtap_make, deliver },
	{ 0 },
};
