/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same on a macvtap. Its lower device is one end of a veth pair made here; frames come in at the other end. */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
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

static void macvtap(struct fault *f)
{
	run("ip link add %s type veth peer name %s", near_end(f), far_end(f));
	device_up(near_end(f));
	device_up(far_end(f));
	on_lower(f, near_end(f));
}

static unsigned int send_in(struct fault *f, unsigned int n)
{
	uint8_t mac[6];

	device_mac(f->dev, mac);
	packet_send_many(far_end(f), mac, n, LEN);
	return n;
}

static unsigned int offer(struct fault *f)
{
	return send_in(f, f->count);
}

static unsigned int full_ring(struct fault *f)
{
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
		VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4, .hdr_len = 54, .gso_size = 1000,
		.csum_start = 34, .csum_offset = 16,
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
	macvtap(f);
	run("ip link set %s down", f->dev);
}

static void unopened(struct fault *f)
{
	macvtap(f);
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
	return f->count;
}

const struct fault_case cases_macvtap[] = {
	{ "mvt_full_ring", "nobody reads: the ring (16) is filled, then COUNT frames more", "macvtap", macvtap, full_ring },
	{ "mvt_no_reader", "no queue is open: the frames go to the host's stack", "macvtap", unopened, offer },
	{ "mvt_gso_seg", "another guest's bad GSO frame", "macvtap", macvtap_on_tap, bad_gso },
	{ "mvt_badhdr", "virtio-net header with an unknown GSO type", "macvtap", macvtap, bad_header },
	{ "mvt_ucopy", "the frame's memory cannot be read", "macvtap", macvtap, torn },
	{ "mvt_down", "the device is down", "macvtap", down, write_plain },
	{ "mvt_read_small", "buffers too small for a frame", "macvtap", macvtap, read_small },
	{ "mvt_purge_close", "a queue that holds frames is closed", "macvtap", macvtap, fill_and_close },
	{ "mvt_purge_shrink", "the ring is made shorter than what it holds (1 stays)", "macvtap", macvtap, shrink },
	{ "mvt_deliver", "no loss: every frame is read", "macvtap", macvtap, deliver },
	{ 0 },
};
