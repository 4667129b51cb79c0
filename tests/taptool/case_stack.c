/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that something between the tap's driver and the host's stack throws away: XDP, tc,
 * queueing disciplines, the stack itself. */
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <linux/if_tun.h>

#include "taptool.h"

#define LEN 60

static void with_flags(struct fault *f, int flags)
{
	f->fd = tap_open(f->dev, IFF_TAP | IFF_VNET_HDR | flags);
	device_up(f->dev);
}

static void tap(struct fault *f)
{
	with_flags(f, 0);
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

/* Writes that may not sleep go through the driver's XDP hook, without an skb; others through the
 * generic one. */
static unsigned int xdp(struct fault *f, const char *answer, bool generic)
{
	xdp_attach(f->dev, answer);
	if (!generic)
		fcntl(f->fd, F_SETFL, O_NONBLOCK);
	return write_plain(f);
}

static unsigned int xdp_drop(struct fault *f)
{
	return xdp(f, "drop", false);
}

static unsigned int xdp_drop_generic(struct fault *f)
{
	return xdp(f, "drop", true);
}

static unsigned int xdp_abort(struct fault *f)
{
	return xdp(f, "abort", false);
}

static unsigned int xdp_abort_generic(struct fault *f)
{
	return xdp(f, "abort", true);
}

/* What the guest sends goes back into the tap's own ring: it takes 16. */
static unsigned int xdp_back(struct fault *f)
{
	device_set_ring(f->dev, 16);
	f->count += 16;
	f->left = 16;
	return xdp(f, "back", false);
}

/* What the guest sends is redirected into a device that is down. */
static unsigned int xdp_redirect_down(struct fault *f)
{
	char to[64];

	run("ip link add %.13sn type veth peer name %.13sf", f->dev, f->dev);
	snprintf(to, sizeof(to), "redirect %.13sn", f->dev);
	return xdp(f, to, false);
}

/* Frames come in by a veth pair whose program redirects them into the tap: its ring takes 16. */
static unsigned int xdp_redirect(struct fault *f)
{
	char to[64];

	device_set_ring(f->dev, 16);
	run("ip link add %.13sn type veth peer name %.13sf && ip link set %.13sn up && ip link set "
	    "%.13sf up",
	    f->dev, f->dev, f->dev, f->dev);
	snprintf(to, sizeof(to), "redirect %s", f->dev);
	snprintf(f->other, sizeof(f->other), "%.13sn", f->dev);
	xdp_attach(f->other, to);
	snprintf(f->other, sizeof(f->other), "%.13sf", f->dev);
	packet_send_many(f->other, broadcast, 16 + f->count, LEN);
	f->left = 16;
	return 16 + f->count;
}

static void tc_drop(struct fault *f, const char *hook)
{
	run("tc qdisc add dev %s clsact && tc filter add dev %s %s matchall action drop", f->dev,
	    f->dev, hook);
}

static unsigned int tc_ingress(struct fault *f)
{
	tc_drop(f, "ingress");
	return write_plain(f);
}

static unsigned int offer(struct fault *f)
{
	packet_send_many(f->dev, broadcast, f->count, LEN);
	return f->count;
}

static unsigned int tc_egress(struct fault *f)
{
	tc_drop(f, "egress");
	return offer(f);
}

/* A discipline that never lets a frame go and holds what its limit says; the rest is counted by it,
 * too. */
static unsigned int qdisc(struct fault *f)
{
	run("tc qdisc replace dev %s root netem delay 200s limit 30 2>&- || tc qdisc replace dev "
	    "%s root tbf rate 8bit burst 100 limit 3000",
	    f->dev, f->dev);
	packet_send_many(f->dev, broadcast, 100, 100);
	f->left = qdisc_backlog(f->dev);
	/* what went before the discipline had spent its burst */
	f->delivered = tap_read_all(f->fd);
	return 100;
}

static unsigned int foreign(struct fault *f)
{
	uint8_t b[VNET_HDR + 1024] = { 0 };
	size_t len = frame_tcp(b + VNET_HDR, (const uint8_t *)"\2\1\1\1\1\1", 100, 5);

	for (unsigned int i = 0; i < f->count; i++)
		tap_write(f->fd, b, VNET_HDR + len);
	return f->count;
}

static void napi_detached(struct fault *f)
{
	struct ifreq ifr = { .ifr_flags = IFF_DETACH_QUEUE };

	with_flags(f, IFF_MULTI_QUEUE | IFF_NAPI);
	if (ioctl(f->fd, TUNSETQUEUE, &ifr) < 0)
		die("detach");
}

static void napi_frags(struct fault *f)
{
	with_flags(f, IFF_NAPI | IFF_NAPI_FRAGS);
}

static unsigned int torn(struct fault *f)
{
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t b[VNET_HDR + LEN] = { 0 };
	const struct iovec parts[] = { { b, sizeof(b) }, { page, 100 } };

	frame_test(b + VNET_HDR, broadcast, LEN, 0);
	for (unsigned int i = 0; i < f->count; i++)
		if (writev(f->fd, parts, 2) >= 0)
			die("a write that should have failed");
	return f->count;
}

const struct fault_case cases_stack[] = {
	{ "xdp_drop", "an XDP program drops, in the driver", "tap", tap, xdp_drop },
	{ "xdp_drop_generic", "the same behind a write that may sleep", "tap", tap,
	  xdp_drop_generic },
	{ "xdp_aborted", "an XDP program fails, in the driver", "tap", tap, xdp_abort },
	{ "xdp_aborted_generic", "the same behind a write that may sleep", "tap", tap,
	  xdp_abort_generic },
	{ "xdp_redirect", "redirected into a full ring", "tap", tap, xdp_redirect },
	{ "xdp_back", "sent back into the tap's own full ring", "tap", tap, xdp_back },
	{ "xdp_redirect_down", "redirected from the tap into a device that is down", "tap", tap,
	  xdp_redirect_down },
	{ "tc_ingress", "tc drops what the guest sends", "tap", tap, tc_ingress },
	{ "tc_egress", "tc drops what the guest shall get", "tap", tap, tc_egress },
	{ "qdisc", "the queueing discipline is full", "tap", tap, qdisc },
	{ "otherhost", "the host's stack: for somebody else", "tap", tap, foreign },
	{ "napi_detached", "a NAPI tap whose queue is detached", "tap", napi_detached,
	  write_plain },
	{ "ucopy_napi_frags", "a NAPI tap, the frame's memory cannot be read", "tap", napi_frags,
	  torn },
	{ 0 },
};
