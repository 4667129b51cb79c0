/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that a guest gives to vhost-net. In batches, as long as nobody limits the tap's send
 * buffer (tun_sendmsg() and tap_sendmsg() with TUN_MSG_PTR); one by one with such a limit, and when
 * a frame is larger than a page. */
#include <limits.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "taptool.h"
#include "vhost.h"

#define LEN 60
#define BIG 9000

static void serve(struct fault *f, int send_buffer)
{
	if (ioctl(f->fd, TUNSETSNDBUF, &send_buffer) < 0)
		die("send buffer");
	f->vhost = vhost_new(f->fd, false);
}

static void on_tap(struct fault *f)
{
	f->fd = tap_open(f->dev, IFF_TAP | IFF_VNET_HDR);
	device_up(f->dev);
	serve(f, INT_MAX);
}

static void on_tap_unbatched(struct fault *f)
{
	f->fd = tap_open(f->dev, IFF_TAP | IFF_VNET_HDR);
	device_up(f->dev);
	serve(f, 1 << 20);
}

static void on_macvtap(struct fault *f)
{
	macvtap_make(f);
	serve(f, INT_MAX);
}

static void on_macvtap_unbatched(struct fault *f)
{
	macvtap_make(f);
	serve(f, 1 << 20);
}

static void post(struct fault *f, unsigned int n, const struct vnet *hdr, size_t len)
{
	uint8_t b[LEN] = { 0 };

	for (unsigned int i = 0; i < n; i++) {
		if (len == LEN)
			frame_test(b, broadcast, LEN, i);
		vhost_post_frame(f->vhost, hdr, VHOST_HDR, b, len);
	}
}

/* Up to 5.10 vhost tries a frame that was refused again at once, for ever; the device counts each
 * try. */
static bool tried_again(struct fault *f, unsigned int n)
{
	struct counters c = { 0 };

	counters_read(f->dev, &c);
	return c.tx_dropped + c.rx_dropped + c.rx_frame_errors > 10 * (uint64_t)n;
}

/* vhost has to take them all, lost or not. */
static unsigned int taken(struct fault *f, unsigned int n)
{
	vhost_kick(f->vhost, VHOST_TX);
	for (int i = 0; i < 50 && vhost_wait(f->vhost, VHOST_TX, n, 200) < n; i++)
		if (tried_again(f, n))
			die("vhost tries the same frame again and again");
	if (vhost_used(f->vhost, VHOST_TX) != n)
		die("vhost took %u of %u frames", vhost_used(f->vhost, VHOST_TX), n);
	return n;
}

/* vhost neither takes nor refuses: the ring is stuck, and there is nothing to wait for. Sound
 * frames behind are blocked. */
static unsigned int stuck(struct fault *f, unsigned int n)
{
	post(f, 1, NULL, LEN);
	vhost_kick(f->vhost, VHOST_TX);
	usleep(200000);
	f->left = n + 1 - vhost_used(f->vhost, VHOST_TX);
	vhost_set_backend(f->vhost, -1);	/* vhost tries for ever, and the CPU is wanted */
	return n + 1;
}

static unsigned int broken(struct fault *f, unsigned int n)
{
	vhost_kick(f->vhost, VHOST_TX);
	if (!vhost_broken(f->vhost, VHOST_TX))
		die("vhost takes a bad descriptor");
	f->left = n - vhost_used(f->vhost, VHOST_TX);
	return n;
}

static unsigned int sound(struct fault *f)
{
	post(f, f->count, NULL, LEN);
	return taken(f, f->count);
}

/* The macvtap's frames go out, to somebody who does not want them: not this device's loss. */
static unsigned int sound_out(struct fault *f)
{
	f->delivered = sound(f);
	return f->delivered;
}

static unsigned int with_header(struct fault *f, const struct vnet *v)
{
	post(f, f->count, v, LEN);
	return taken(f, f->count);
}

static const struct vnet bad_gso_type = { .gso_type = 99, .gso_size = 100 };

static unsigned int gso_type(struct fault *f)
{
	return with_header(f, &bad_gso_type);
}

static unsigned int gso_size(struct fault *f)
{
	return with_header(f, &(struct vnet){ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 });
}

static unsigned int checksum_in_ip_header(struct fault *f)
{
	return with_header(f, &(struct vnet){ VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4,
					      .hdr_len = 54, .gso_size = 100, .csum_start = 20,
					      .csum_offset = 2 });
}

static unsigned int header_length(struct fault *f)
{
	return with_header(f, &(struct vnet){ .hdr_len = 5000 });
}

static unsigned int header_length_out(struct fault *f)
{
	f->delivered = header_length(f);
	return f->delivered;
}

static unsigned int mixed(struct fault *f)
{
	post(f, f->count, &bad_gso_type, LEN);
	post(f, f->count, NULL, LEN);
	return taken(f, 2 * f->count);
}

static unsigned int checksum_outside(struct fault *f)
{
	post(f, f->count,
	     &(struct vnet){ VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 5000, .csum_offset = 16 },
	     LEN);
	return stuck(f, f->count);
}

static unsigned int short_frame(struct fault *f)
{
	post(f, f->count, NULL, 5);
	return taken(f, f->count);
}

static unsigned int header_only(struct fault *f)
{
	post(f, f->count, NULL, 0);
	return taken(f, f->count);
}

static unsigned int short_header(struct fault *f)
{
	for (unsigned int i = 0; i < f->count; i++)
		vhost_post_frame(f->vhost, NULL, 5, NULL, 0);
	return stuck(f, f->count);
}

static unsigned int no_length(struct fault *f)
{
	vhost_post_frame(f->vhost, NULL, 0, NULL, 0);
	return broken(f, 1);
}

static unsigned int outside(struct fault *f)
{
	vhost_post(f->vhost, VHOST_TX, &(struct iovec){ (void *)0x1000, 100 }, 1, 0);
	return broken(f, 1);
}

static unsigned int writable(struct fault *f)
{
	size_t size;

	vhost_post(f->vhost, VHOST_TX,
		   &(struct iovec){ vhost_memory(f->vhost, VHOST_TX, &size), 100 }, 1,
		   VRING_DESC_F_WRITE);
	return broken(f, 1);
}

static unsigned int loop(struct fault *f)
{
	vhost_loop(f->vhost, VHOST_TX);
	return broken(f, 1);
}

static unsigned int unmapped(struct fault *f)
{
	post(f, f->count, NULL, LEN);
	vhost_unmap(f->vhost, VHOST_TX, 0);
	vhost_kick(f->vhost, VHOST_TX);
	usleep(200000);	/* as in stuck() */
	f->left = f->count - vhost_used(f->vhost, VHOST_TX);
	vhost_set_backend(f->vhost, -1);
	return f->count;
}

static void post_big(struct fault *f, const struct vnet *v)
{
	static uint8_t b[16384];
	size_t len = frame_tcp(b, broadcast, BIG, 5);

	vhost_post_frame(f->vhost, v, VHOST_HDR, b, len);
}

static unsigned int big_gso_type(struct fault *f)
{
	for (unsigned int i = 0; i < f->count; i++)
		post_big(f, &bad_gso_type);
	return taken(f, f->count);
}

static unsigned int big_unmapped(struct fault *f)
{
	post_big(f, NULL);
	vhost_unmap(f->vhost, VHOST_TX, 4096);
	return taken(f, 1);
}

static void set_down(struct fault *f)
{
	run("ip link set %s down", f->dev);
}

static unsigned int down(struct fault *f)
{
	set_down(f);
	return sound(f);
}

static unsigned int big_down(struct fault *f)
{
	set_down(f);
	for (unsigned int i = 0; i < f->count; i++)
		post_big(f, NULL);
	return taken(f, f->count);
}

static unsigned int deleted(struct fault *f)
{
	run("ip link del %s", f->dev);
	post(f, f->count, NULL, LEN);
	return broken(f, f->count);
}

static unsigned int deleted_macvtap(struct fault *f)
{
	run("ip link del %s", f->dev);
	return sound(f);
}

static unsigned int xdp_drops(struct fault *f)
{
	xdp_attach(f->dev, "drop");
	return sound(f);
}

const struct fault_case cases_vhost_tx[] = {
	{ "vhost_tx_ok", "sound frames, which the host's stack does not want", "tap", on_tap,
	  sound },
	{ "vhost_tx_badgso", "header with an unknown GSO type, in batches", "tap", on_tap,
	  gso_type },
	{ "vhost_tx_gso0", "header with GSO and no size", "tap", on_tap, gso_size },
	{ "vhost_tx_csum_net", "header that puts the checksum into the IP header", "tap", on_tap,
	  checksum_in_ip_header },
	{ "vhost_tx_mixed", "sound frames behind bad ones in a batch", "tap", on_tap, mixed },
	{ "vhost_tx_hdrlen", "header length far outside: taken in batches", "tap", on_tap,
	  header_length },
	{ "vhost_tx_csum_range", "checksum outside the frame: the ring is stuck", "tap", on_tap,
	  checksum_outside },
	{ "vhost_tx_short", "less than an Ethernet header", "tap", on_tap, short_frame },
	{ "vhost_tx_hdr_only", "a header and no frame", "tap", on_tap, header_only },
	{ "vhost_tx_hdr_short", "less than a header: the ring is stuck", "tap", on_tap,
	  short_header },
	{ "vhost_tx_zero", "a descriptor without length", "tap", on_tap, no_length },
	{ "vhost_tx_outside", "a descriptor outside the guest's memory", "tap", on_tap, outside },
	{ "vhost_tx_writable", "a descriptor that is to be written", "tap", on_tap, writable },
	{ "vhost_tx_loop", "descriptors in a circle", "tap", on_tap, loop },
	{ "vhost_tx_unmapped", "memory that went away: the ring is stuck", "tap", on_tap,
	  unmapped },
	{ "vhost_tx_big_badgso", "unknown GSO type, larger than a page", "tap", on_tap,
	  big_gso_type },
	{ "vhost_tx_big_unmapped", "memory that went away, larger than a page", "tap", on_tap,
	  big_unmapped },
	{ "vhost_tx_down", "the device is down: batches go into the stack", "tap", on_tap, down },
	{ "vhost_tx_big_down", "the device is down, larger than a page", "tap", on_tap, big_down },
	{ "vhost_tx_deleted", "the device is gone: the ring is stuck", "tap", on_tap, deleted },
	{ "vhost_tx_xdp_drop", "an XDP program drops", "tap", on_tap, xdp_drops },
	{ "vhost_tx_one_badgso", "unknown GSO type, one by one", "tap", on_tap_unbatched,
	  gso_type },
	{ "vhost_tx_one_short", "less than an Ethernet header, one by one", "tap", on_tap_unbatched,
	  short_frame },
	{ "vhost_tx_one_down", "the device is down, one by one", "tap", on_tap_unbatched, down },
	{ "vhost_mvt_tx_ok", "no loss: sound frames", "macvtap", on_macvtap, sound_out },
	{ "vhost_mvt_tx_badgso", "header with an unknown GSO type, in batches", "macvtap",
	  on_macvtap, gso_type },
	{ "vhost_mvt_tx_gso0", "header with GSO and no size", "macvtap", on_macvtap, gso_size },
	{ "vhost_mvt_tx_hdrlen", "no loss: header length far outside", "macvtap", on_macvtap,
	  header_length_out },
	{ "vhost_mvt_tx_short", "less than an Ethernet header", "macvtap", on_macvtap,
	  short_frame },
	{ "vhost_mvt_tx_unmapped", "memory that went away: the ring is stuck", "macvtap",
	  on_macvtap, unmapped },
	{ "vhost_mvt_tx_big_badgso", "unknown GSO type, larger than a page", "macvtap", on_macvtap,
	  big_gso_type },
	{ "vhost_mvt_tx_big_unmapped", "memory that went away, larger than a page", "macvtap",
	  on_macvtap, big_unmapped },
	{ "vhost_mvt_tx_down", "the device is down", "macvtap", on_macvtap, down },
	{ "vhost_mvt_tx_deleted", "the device is gone", "macvtap", on_macvtap, deleted_macvtap },
	{ "vhost_mvt_tx_one_badgso", "unknown GSO type, one by one", "macvtap",
	  on_macvtap_unbatched, gso_type },
	{ 0 },
};
