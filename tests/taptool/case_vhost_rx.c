/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that vhost-net shall bring to a guest, which does not play its part. Through a ring of 16
 * and up to 64 that vhost takes ahead. */
#include <net/if.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <linux/if_tun.h>
#include <linux/virtio_ring.h>

#include "taptool.h"
#include "vhost.h"

#define RING 16
#define AHEAD 64	/* VHOST_NET_BATCH */
#define LEN 200
#define MANY 200
#define ROOM 2048

static void tap(struct fault *f)
{
	f->fd = tap_open(f->dev, IFF_TAP | IFF_VNET_HDR);
	device_set_ring(f->dev, RING);
	device_up(f->dev);
}

static void on_tap(struct fault *f)
{
	tap(f);
	f->vhost = vhost_new(f->fd, false);
}

static void on_tap_mergeable(struct fault *f)
{
	tap(f);
	f->vhost = vhost_new(f->fd, true);
}

static void on_macvtap(struct fault *f)
{
	macvtap_make(f);
	f->vhost = vhost_new(f->fd, false);
}

static void offer(struct fault *f, unsigned int n, size_t len)
{
	if (f->macvtap)
		macvtap_send_in(f, n, len);
	else
		packet_send_many(f->dev, broadcast, n, len);
}

static unsigned int dropped(const struct fault *f)
{
	struct counters c = { 0 };

	counters_read(f->dev, &c);
	return (unsigned int)(f->macvtap ? c.rx_dropped : c.tx_dropped);
}

/* The guest awakes: all that was not lost comes to it, or less than was sent is accounted for. */
static unsigned int awake(struct fault *f, unsigned int sent)
{
	vhost_post_buffers(f->vhost, RING + AHEAD + 4, ROOM);
	f->delivered = vhost_wait(f->vhost, VHOST_RX, sent - dropped(f), VHOST_PATIENCE);
	return sent;
}

static unsigned int stalled(struct fault *f)
{
	offer(f, MANY, LEN);
	return awake(f, MANY);
}

static unsigned int stalled_kicked(struct fault *f)
{
	vhost_kick(f->vhost, VHOST_RX);
	return stalled(f);
}

static unsigned int ten_buffers(struct fault *f)
{
	vhost_post_buffers(f->vhost, 10, ROOM);
	offer(f, MANY, LEN);
	return awake(f, MANY);
}

/* One buffer for ten frames. */
static unsigned int slow(struct fault *f)
{
	for (unsigned int i = 0; i < MANY / 10; i++) {
		vhost_post_buffers(f->vhost, 1, ROOM);
		offer(f, 10, LEN);
	}
	return awake(f, MANY);
}

static unsigned int consumes(struct fault *f)
{
	vhost_post_buffers(f->vhost, f->count, ROOM);
	for (unsigned int i = 0; i < f->count; i++) {
		offer(f, 1, LEN);
		f->delivered = vhost_wait(f->vhost, VHOST_RX, i + 1, VHOST_PATIENCE);
	}
	return f->count;
}

static unsigned int short_buffers(struct fault *f, size_t room)
{
	device_set_ring(f->dev, 200);	/* that nothing is lost but by the buffers */
	vhost_post_buffers(f->vhost, 200, room);
	offer(f, f->count, 500);
	return f->count;
}

static unsigned int small_buffers(struct fault *f)
{
	return short_buffers(f, 100);
}

static unsigned int tiny_buffers(struct fault *f)
{
	return short_buffers(f, 5);
}

/* 512 bytes need six buffers of 100. */
static unsigned int merged(struct fault *f)
{
	vhost_post_buffers(f->vhost, 6 * f->count, 100);
	for (unsigned int i = 0; i < f->count; i++) {
		offer(f, 1, 500);
		f->delivered = vhost_wait(f->vhost, VHOST_RX, 6 * (i + 1), VHOST_PATIENCE) / 6;
	}
	return f->count;
}

/* vhost gives up on the ring; what neither its batch nor the tap's ring holds is lost. */
static unsigned int bad_buffer(struct fault *f, void *at, uint16_t flags)
{
	for (int i = 0; i < 10; i++)
		vhost_post(f->vhost, VHOST_RX, &(struct iovec){ at, ROOM }, 1, flags);
	vhost_kick(f->vhost, VHOST_RX);
	offer(f, MANY, LEN);
	if (!vhost_broken(f->vhost, VHOST_RX))
		die("vhost takes a bad buffer");
	f->left = MANY - dropped(f);
	if (f->left < RING || f->left > RING + AHEAD)
		die("%u frames wait", f->left);
	return MANY;
}

static unsigned int outside(struct fault *f)
{
	return bad_buffer(f, (void *)0x1000, VRING_DESC_F_WRITE);
}

static unsigned int unwritable(struct fault *f)
{
	size_t size;

	return bad_buffer(f, vhost_memory(f->vhost, VHOST_RX, &size), 0);
}

static unsigned int unmapped(struct fault *f)
{
	device_set_ring(f->dev, 200);
	vhost_post_buffers(f->vhost, 200, ROOM);
	vhost_unmap(f->vhost, VHOST_RX, 0);
	offer(f, f->count, LEN);
	return f->count;
}

static unsigned int backend_off(struct fault *f)
{
	unsigned int n = RING / 2;

	offer(f, n, LEN);
	vhost_set_backend(f->vhost, -1);
	f->delivered = tap_read_all(f->fd);
	return n;
}

/* What vhost had taken ahead has no room any more in the ring. */
static unsigned int backend_off_full(struct fault *f)
{
	offer(f, MANY, LEN);
	vhost_set_backend(f->vhost, -1);
	f->delivered = tap_read_all(f->fd);
	return MANY;
}

static unsigned int vhost_closed(struct fault *f)
{
	unsigned int n = RING / 2;

	offer(f, n, LEN);
	vhost_close(f->vhost);
	f->delivered = tap_read_all(f->fd);
	return n;
}

static unsigned int all_closed(struct fault *f)
{
	unsigned int n = RING / 2;

	offer(f, n, LEN);
	vhost_close(f->vhost);
	f->fd = close_fd(f->fd);
	return n;
}

static void persistent(struct fault *f)
{
	on_tap(f);
	if (ioctl(f->fd, TUNSETPERSIST, 1) < 0)
		die("persist");
}

const struct fault_case cases_vhost_rx[] = {
	{ "vhost_rx_stalled", "the guest gives no buffers, then many", "tap", on_tap, stalled },
	{ "vhost_rx_kicked", "the same, after a kick", "tap", on_tap, stalled_kicked },
	{ "vhost_rx_some", "the guest gives ten buffers, then many", "tap", on_tap, ten_buffers },
	{ "vhost_rx_slow", "the guest gives one buffer for ten frames", "tap", on_tap, slow },
	{ "vhost_rx_ok", "no loss: the guest takes every frame", "tap", on_tap, consumes },
	{ "vhost_rx_small", "buffers shorter than the frame, not mergeable", "tap", on_tap,
	  small_buffers },
	{ "vhost_rx_tiny", "buffers shorter than the header", "tap", on_tap, tiny_buffers },
	{ "vhost_rx_merged", "no loss: short buffers, mergeable", "tap", on_tap_mergeable, merged },
	{ "vhost_rx_outside", "buffers outside the guest's memory", "tap", on_tap, outside },
	{ "vhost_rx_unwritable", "buffers that are not to be written", "tap", on_tap, unwritable },
	{ "vhost_rx_unmapped", "the guest's memory goes away", "tap", on_tap, unmapped },
	{ "vhost_rx_backend_off", "no loss: vhost gives back what it has taken ahead", "tap",
	  on_tap, backend_off },
	{ "vhost_rx_backend_off_full", "the same with a full ring: what has no room is lost", "tap",
	  on_tap, backend_off_full },
	{ "vhost_rx_vhost_close", "no loss: vhost is closed, its frames go back", "tap", on_tap,
	  vhost_closed },
	{ "vhost_rx_close", "vhost and the queue are closed", "tap", persistent, all_closed },
	{ "vhost_mvt_rx_stalled", "the guest gives no buffers, then many", "macvtap", on_macvtap,
	  stalled },
	{ "vhost_mvt_rx_kicked", "the same, after a kick", "macvtap", on_macvtap, stalled_kicked },
	{ "vhost_mvt_rx_some", "the guest gives ten buffers, then many", "macvtap", on_macvtap,
	  ten_buffers },
	{ "vhost_mvt_rx_slow", "the guest gives one buffer for ten frames", "macvtap", on_macvtap,
	  slow },
	{ "vhost_mvt_rx_ok", "no loss: the guest takes every frame", "macvtap", on_macvtap,
	  consumes },
	{ "vhost_mvt_rx_small", "buffers shorter than the frame, not mergeable", "macvtap",
	  on_macvtap, small_buffers },
	{ "vhost_mvt_rx_tiny", "buffers shorter than the header", "macvtap", on_macvtap,
	  tiny_buffers },
	{ "vhost_mvt_rx_outside", "buffers outside the guest's memory", "macvtap", on_macvtap,
	  outside },
	{ "vhost_mvt_rx_backend_off", "no loss: vhost gives back what it has taken ahead",
	  "macvtap", on_macvtap, backend_off },
	{ 0 },
};
