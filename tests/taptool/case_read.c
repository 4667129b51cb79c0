/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of frames that a VMM reads, well or badly. */
#include <errno.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
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

/* COUNT times: a frame, and a read of it whose result is @wanted (-1: any error). */
static unsigned int read_each(struct fault *f, const struct iovec *parts, int n, ssize_t wanted)
{
	for (unsigned int i = 0; i < f->count; i++) {
		ssize_t got;

		packet_send_many(f->dev, broadcast, 1, LEN);
		got = readv(f->fd, parts, n);
		errno = 0;
		if (got != wanted)
			die("read: %zd, not %zd", got, wanted);
	}
	return f->count;
}

/* Buffers smaller than the virtio-net header: what a guest without mergeable buffers does with too
 * small ones. */
static unsigned int read_small(struct fault *f)
{
	uint8_t b[5];

	return read_each(f, &(struct iovec){ b, sizeof(b) }, 1, -1);
}

static unsigned int read_bad_page(struct fault *f)
{
	void *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return read_each(f, &(struct iovec){ bad, 4096 }, 1, -1);
}

/* tun ignores that the frame itself could not be copied: it says and counts delivered. */
static unsigned int read_bad_data(struct fault *f)
{
	void *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t b[VNET_HDR];
	const struct iovec parts[] = { { b, sizeof(b) }, { bad, 4096 } };

	return read_each(f, parts, 2, VNET_HDR + LEN);
}

/* Longer than the header, shorter than the frame: cut, and counted as delivered. */
static unsigned int read_cut(struct fault *f)
{
	uint8_t b[40];

	return read_each(f, &(struct iovec){ b, sizeof(b) }, 1, sizeof(b));
}

static unsigned int read_zero(struct fault *f)
{
	uint8_t b[1];
	unsigned int n = read_each(f, &(struct iovec){ b, 0 }, 1, 0);

	f->left = tap_read_all(f->fd);	/* all there still */
	return n;
}

static unsigned int deliver(struct fault *f)
{
	uint8_t b[2048];

	read_each(f, &(struct iovec){ b, sizeof(b) }, 1, VNET_HDR + LEN);
	f->delivered += f->count;
	return f->count;
}

/* UDP super-frames are cut up by the host for a tap that cannot say what they are. */
static unsigned int super_udp(struct fault *f)
{
	const struct vnet v = {
		VIRTIO_NET_HDR_F_NEEDS_CSUM,
		VIRTIO_NET_HDR_GSO_UDP,
		.hdr_len = 42,
		.gso_size = 1000,
		.csum_start = 34,
		.csum_offset = 6,
	};
	uint8_t b[VNET_HDR + 4096];
	int fd = packet_socket(f->dev, false), one = 1;

	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0)
		die("virtio-net header");
	frame_udp(b + VNET_HDR, broadcast, 3054, 0);
	vnet_put(b, &v);
	if (!packet_send(fd, b, VNET_HDR + 3054))
		die("send");
	close(fd);
	f->delivered = tap_read_all(f->fd);
	return 4;
}

const struct fault_case cases_read[] = {
	{ "read_small", "buffers too small for a frame", "tap", tap, read_small },
	{ "read_bad_page", "buffers that are not mapped", "tap", tap, read_bad_page },
	{ "read_bad_data",
	  "buffers that are not mapped behind the header: said and counted to be delivered", "tap",
	  tap, read_bad_data },
	{ "read_cut", "buffers shorter than the frame: cut, counted as delivered", "tap", tap,
	  read_cut },
	{ "read_zero", "no loss: buffers without length", "tap", tap, read_zero },
	{ "gso_ufo_read", "no loss: a UDP super-frame is cut up", "tap", tap, super_udp },
	{ "deliver", "no loss: every frame is read", "tap", tap, deliver },
	{ 0 },
};
