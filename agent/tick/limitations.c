/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "limitations.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "collector/kernel/kernel_version.h"

/* On every kernel read so far (5.10 to 7.3). */
static const struct {
	const char *loss, *why, *witness;
} always[] = {
	{ "a guest's frame that is shorter than its headers, whose header points past its end, or "
	  "cannot be read",
	  "refused before the kernel makes a frame of it: write() fails, a vhost worker goes on",
	  "tap: none; macvtap: tx_dropped, unexplained in audit" },
	{ "a guest's small frame that cannot be copied from its memory, or for which the host has "
	  "none",
	  "tun.ko copies it before it makes a frame of it (non-blocking writes; vhost when there "
	  "is no memory)",
	  "tap: rx_dropped, unexplained in audit, and none for a vhost worker's; macvtap: "
	  "tx_dropped" },
	{ "a vhost transmit ring that is stuck: a header shorter than it says, memory that is not "
	  "there",
	  "vhost_net tries the same descriptor for ever; nothing is freed, frames behind it wait",
	  "none; the NIC's delivered frames stop (timeline)" },
	{ "a vhost ring with a broken descriptor",
	  "vhost_net stops until the guest kicks again; it only tells the VMM (err eventfd)",
	  "towards the guest: PTR_FULL follows; from the guest: none" },
	{ "a frame of which the guest gets only a part: a read() shorter than the frame, a payload "
	  "or a header of vhost's that cannot be copied to it",
	  "tun_do_read() frees it as delivered", "none; tx_packets counts it as delivered" },
	{ "what vhost_net has in hand for a tap that is deleted under it",
	  "there is no device any more that could lose it", "none; the VMM is told (err eventfd)" },
	{ "a guest's frame that an XDP program on the tap drops, or redirects to where it is not "
	  "taken",
	  "dropped before it is a frame (native XDP)",
	  "rx_dropped, unexplained in audit (redirected: from about 6.1 on)" },
	{ "a guest's frame that an XDP program on the tap sends back into its full ring",
	  "dropped before it is a frame, and no tracepoint tells (XDP_TX)",
	  "tx_dropped, unexplained in audit" },
	{ "frames of pktgen that a tap drops",
	  "it keeps a reference, so that the kernel never frees them",
	  "tx_dropped, unexplained in audit" },
	{ "a guest's frame that is dropped while somebody captures on its tap",
	  "the capture holds the last reference and frees it as seen",
	  "rx_dropped where the place has one (class OTHER)" },
	{ "the witness of a queueing discipline in front of a tap in another network namespace",
	  "asked for in the agent's own namespace only; the loss itself is counted",
	  "the loss stands under none in audit" },
};

struct list {
	struct limitation_row *rows;
	unsigned int n;
};

__attribute__((format(printf, 4, 5)))
static void add(struct list *l, const char *loss, const char *witness, const char *why, ...)
{
	struct limitation_row *row = &l->rows[l->n++];
	va_list ap;

	row->loss = loss;
	row->witness = witness;
	va_start(ap, why);
	vsnprintf(row->why, sizeof(row->why), why, ap);
	va_end(ap);
}

/* Drops by vhost workers that name neither device nor socket: before 7.2. */
static void add_nameless(struct list *l, const struct limitations_facts *f)
{
	static const char worker[] =
		"the VM by the vhost worker, and its NIC when it has one of that kind";

	if (f->kernel >= RELEASE(7, 2))
		return;
	if (f->context == LOSS_CONTEXT_REFUSED)
		add(l, "device and queue of a frame with a bad header that a vhost worker drops",
		    worker, "%s", f->context_why);
	else if (f->context_mode == LOSS_CONTEXT_OFF)
		add(l, "device and queue of a frame with a bad header that a vhost worker drops",
		    worker, "[bpf] context = off");
	else if (f->context_mode == LOSS_CONTEXT_AUTO && f->context == LOSS_CONTEXT_IDLE)
		add(l,
		    "device and queue of the first frames with a bad header that a vhost worker "
		    "drops",
		    worker,
		    "the programs that tell are attached when such a frame is lost ([bpf] "
		    "context)");
	if (f->own_pids)
		add(l, "the VM of a frame that only a vhost worker names", "none: it is nobody's",
		    "the kernel names the worker by its number in the first pid namespace, and the "
		    "agent lives in another");
}

static void add_unreported(struct list *l, const struct limitations_facts *f)
{
	if (!f->reasons)
		add(l,
		    "which of several causes it was that freed frames in one place (ring full, "
		    "filter, no reader)",
		    "the device's counters",
		    "this kernel gives no reason with a drop (before 5.17): the class is that of "
		    "the most frequent cause there");
	if (!f->functions)
		add(l, "the place of a loss, and every class that is told by its place",
		    "the kernel's reason",
		    "kernel functions have no names: give CAP_SYSLOG, and set kernel.kptr_restrict "
		    "below 2");
	if (!f->sockets)
		add(l, "queues of macvtap, and device and queue of guests' own frames",
		    "the process that wrote them", "%s", f->sockets_why);
	if (f->frame_errors_why[0])
		add(l, "the witness of frames with a bad header (the loss itself is counted)",
		    "none: the loss stands under none in audit", "%s", f->frame_errors_why);
	if (f->rings_why[0])
		add(l,
		    "how close a tap came to losing frames: how full its rings are (what they lose "
		    "is counted)",
		    "none", "%s", f->rings_why);
	if (f->kernel >= RELEASE(7, 0) && !f->refusals)
		add(l, "which limit of a queueing discipline a frame ran into", "tc -s qdisc",
		    "from 7.0 on kfree_skb says QDISC_DROP for all; only the tracepoint qdisc_drop "
		    "tells them apart");
}

bool limitations_same(const struct limitations_facts *a, const struct limitations_facts *b)
{
	return a->kernel == b->kernel && a->reasons == b->reasons && a->functions == b->functions &&
	       a->own_pids == b->own_pids && a->sockets == b->sockets && a->xdp == b->xdp &&
	       a->refusals == b->refusals && a->context_mode == b->context_mode &&
	       a->context == b->context && !strcmp(a->sockets_why, b->sockets_why) &&
	       !strcmp(a->context_why, b->context_why) && !strcmp(a->xdp_why, b->xdp_why) &&
	       !strcmp(a->frame_errors_why, b->frame_errors_why) &&
	       !strcmp(a->rings_why, b->rings_why);
}

unsigned int limitations_list(const struct limitations_facts *f,
			      struct limitation_row ret[static LIMITATIONS_MAX])
{
	struct list l = { ret, 0 };

	add_nameless(&l, f);
	add_unreported(&l, f);
	if (!f->xdp)
		add(&l,
		    "frames that are redirected into a tap by XDP and find its ring full, and XDP "
		    "programs that fail",
		    "tx_dropped, once for each bulk of frames; rx_dropped", "%s", f->xdp_why);
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		add(&l, always[i].loss, always[i].witness, "%s", always[i].why);
	return l.n;
}
