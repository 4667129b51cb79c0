/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that a guest, or the VMM for it, sends and a tap does not take. */
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include "taptool.h"

#define LEN 60

static void tap_down(struct fault *f)
{
	f->fd = tap_open(f->dev, IFF_TAP | IFF_VNET_HDR);
}

static void tap(struct fault *f)
{
	tap_down(f);
	device_up(f->dev);
}

static void tap_nonblocking(struct fault *f)
{
	tap(f);
	fcntl(f->fd, F_SETFL, O_NONBLOCK);
}

static void tun(struct fault *f)
{
	f->fd = tap_open(f->dev, IFF_TUN);
	device_up(f->dev);
}

/* TCP frames behind a header that lies about them. */
static unsigned int write_header(struct fault *f, const struct vnet *v)
{
	uint8_t b[VNET_HDR + 2048];
	size_t len = frame_tcp(b + VNET_HDR, broadcast, 100, 5);

	vnet_put(b, v);
	for (unsigned int i = 0; i < f->count; i++)
		tap_write(f->fd, b, VNET_HDR + len);
	return f->count;
}

static unsigned int bad_gso_type(struct fault *f)
{
	return write_header(f, &(struct vnet){ .gso_type = 99, .gso_size = 100 });
}

static unsigned int no_gso_size(struct fault *f)
{
	return write_header(f, &(struct vnet){
				       .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
				       .hdr_len = 54,
				       .csum_start = 34,
				       .csum_offset = 16,
			       });
}

static unsigned int checksum_in_ip_header(struct fault *f)
{
	return write_header(f,
			    &(struct vnet){ VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4,
					    .hdr_len = 54, .gso_size = 100, .csum_start = 20,
					    .csum_offset = 2 });
}

/* The kernel refuses before there is a frame: no reason, no counter. */
static unsigned int checksum_outside(struct fault *f)
{
	return write_header(f, &(struct vnet){ VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 500,
					       .csum_offset = 16 });
}

static unsigned int header_length(struct fault *f)
{
	return write_header(f, &(struct vnet){ .hdr_len = 5000 });
}

/* TCPv6 said of an IPv4 frame: taken, and then of no use to the host; refused since 7.2. */
static unsigned int wrong_protocol(struct fault *f)
{
	return write_header(f, &(struct vnet){
				       .gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
				       .hdr_len = 54,
				       .gso_size = 20,
			       });
}

static unsigned int write_short(struct fault *f)
{
	const uint8_t b[VNET_HDR + 5] = { 0 };

	for (unsigned int i = 0; i < f->count; i++)
		/* less than the header, less than Ethernet's */
		tap_write(f->fd, b, i % 2 ? 5 : sizeof(b));
	return f->count;
}

/* The first @good bytes can be read, @bad more cannot. */
static unsigned int write_torn(struct fault *f, size_t bad)
{
	void *page = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t b[VNET_HDR + LEN] = { 0 };
	const struct iovec parts[] = { { b, sizeof(b) }, { page, bad } };

	frame_test(b + VNET_HDR, broadcast, LEN, 0);
	for (unsigned int i = 0; i < f->count; i++)
		if (writev(f->fd, parts, 2) >= 0)
			die("a write that should have failed");
	munmap(page, 8192);
	return f->count;
}

static unsigned int torn_small(struct fault *f)
{
	return write_torn(f, 100);
}

static unsigned int torn_big(struct fault *f)
{
	return write_torn(f, 6000);
}

static unsigned int write_plain(struct fault *f)
{
	uint8_t b[VNET_HDR + LEN] = { 0 };

	for (unsigned int i = 0; i < f->count; i++) {
		frame_test(b + VNET_HDR, broadcast, LEN, i);
		tap_write(f->fd, b, sizeof(b));
	}
	return f->count;
}

static unsigned int write_no_ip(struct fault *f)
{
	const uint8_t b[LEN] = { 0 };

	for (unsigned int i = 0; i < f->count; i++)
		tap_write(f->fd, b, sizeof(b));
	return f->count;
}

const struct fault_case cases_tx[] = {
	{ "badhdr_gsotype", "virtio-net header with an unknown GSO type", "tap", tap,
	  bad_gso_type },
	{ "badhdr_gso0", "virtio-net header with GSO and no size", "tap", tap, no_gso_size },
	{ "badhdr_csum_net", "virtio-net header that puts the checksum into the IP header", "tap",
	  tap, checksum_in_ip_header },
	{ "badhdr_refused",
	  "virtio-net header refused before there is a frame: neither reason nor counter", "tap",
	  tap, checksum_outside },
	{ "badhdr_hdrlen", "virtio-net header longer than the frame: refused", "tap", tap,
	  header_length },
	{ "badhdr_tcpproto", "virtio-net header of another protocol", "tap", tap, wrong_protocol },
	{ "short", "less than the headers", "tap", tap, write_short },
	{ "ucopy", "the frame's memory cannot be read", "tap", tap, torn_small },
	{ "ucopy_big", "the same, non-blocking, over a page", "tap", tap_nonblocking, torn_big },
	{ "ucopy_small", "the same, non-blocking, small: counted by the device, no skb yet", "tap",
	  tap_nonblocking, torn_small },
	{ "write_down", "the device is down", "tap", tap_down, write_plain },
	{ "tun_badver", "neither IPv4 nor IPv6 into a tun", "tun", tun, write_no_ip },
	{ "unhandled", "the host's stack does not want the guest's frame", "tap", tap,
	  write_plain },
	{ 0 },
};
