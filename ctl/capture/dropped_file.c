/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dropped_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/capture/pcapng.h"
#include "collector/clock.h"
#include "collector/loss/class.h"
#include "collector/kernel/ksym.h"
#include "collector/kernel/reason.h"
#include "ctl/print/message.h"

#define ROOM 65536 /* the longest frame with its comment */
#define LINKTYPE_ETHERNET 1
#define LINKTYPE_RAW 101

struct device {
	uint32_t netns, ifindex;
	char name[IFNAMSIZ], description[200];
	int number;			/* of its interface in the file at hand; -1: none yet */
	uint16_t linktype;
	uint64_t from_ns;
	/* reported: frames not written that stand in front of a written one */
	uint64_t written, not_lost, reported;
	/* in front of the next frame that is written */
	uint64_t carried_limited, carried_unsent;
	uint64_t written_before, reported_before; /* in earlier files of a row */
};

struct dropped_file {
	const struct dropped_request *rq;
	struct dropped *dropped;
	struct sink *sink;
	struct ksyms *syms;		/* NULL: functions have no names */
	struct reasons *reasons;	/* NULL: reasons have no names */
	struct device *devices;
	size_t n;
	int numbers;			/* interfaces in the file at hand */
	/* looked_ns: boot time of the frame at which the clocks were read */
	uint64_t boot_to_utc_ns, looked_ns, file_ns, files, written;
};

/* Frames of one file are in order by their boot time, and so they have to be in UTC: the offset is
 * another only when the clock was set, which is looked for once in a second of frames. */
static void look_at_clock(struct dropped_file *f, uint64_t boot)
{
	uint64_t offset, moved;

	if (f->looked_ns && boot < f->looked_ns + NSEC_PER_SEC)
		return;
	f->looked_ns = boot;
	offset = boot_to_utc_offset();
	moved = offset > f->boot_to_utc_ns ? offset - f->boot_to_utc_ns
					   : f->boot_to_utc_ns - offset;
	if (moved > NSEC_PER_MSEC)
		f->boot_to_utc_ns = offset;
}

static void begin_file(struct dropped_file *f)
{
	sink_put(f->sink, pcapng_section(sink_room(f->sink, 4096), "taplossctl " TAPLOSS_VERSION));
	f->file_ns = utc_ns();
	f->numbers = 0;
	f->files++;
	for (size_t i = 0; i < f->n; i++) {
		f->devices[i].number = -1;
		f->devices[i].from_ns = f->file_ns;
	}
}

struct dropped_file *dropped_file_new(const struct dropped_request *rq, struct dropped *d,
				      struct sink *sink)
{
	struct dropped_file *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	*f = (struct dropped_file){ .rq = rq, .dropped = d, .sink = sink };
	if (ksyms_new(&f->syms) < 0)
		message_error("capture: names of kernel functions are unavailable; run with "
			      "CAP_SYSLOG and set kernel.kptr_restrict to 0 or 1");
	reasons_new(&f->reasons);	/* without, a kernel that gives them says their numbers */
	begin_file(f);
	return f;
}

struct dropped_file *dropped_file_free(struct dropped_file *f)
{
	if (!f)
		return NULL;
	ksyms_free(f->syms);
	reasons_free(f->reasons);
	free(f->devices);
	free(f);
	return NULL;
}

int dropped_file_add(struct dropped_file *f, const struct capture_device *d)
{
	struct device *more = reallocarray(f->devices, f->n + 1, sizeof(*more)), *dev;

	if (!more)
		return -ENOMEM;
	f->devices = more;
	dev = &more[f->n++];
	*dev = (struct device){
		.netns = d->netns,
		.ifindex = d->ifindex,
		.number = -1,
		.linktype = LINKTYPE_ETHERNET,
		.from_ns = utc_ns(),
	};
	snprintf(dev->name, sizeof(dev->name), "%s", d->name);
	snprintf(dev->description, sizeof(dev->description), "%.120s%slost frames only",
		 d->description ? d->description : "", d->description ? ", " : "");
	return 0;
}

static struct device *device_of(const struct dropped_file *f, const struct tl_dropped *d)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->devices[i].netns == d->netns && f->devices[i].ifindex == d->ifindex)
			return &f->devices[i];
	return NULL;
}

/* The interface's block, before anything that refers to it. */
static void begin_interface(struct dropped_file *f, struct device *dev)
{
	const struct pcapng_interface i = {
		.name = dev->name,
		.description = dev->description,
		.linktype = dev->linktype,
		.snaplen = (uint32_t)f->rq->snaplen,
	};

	if (dev->number >= 0)
		return;
	dev->number = f->numbers++;
	sink_put(f->sink, pcapng_interface(sink_room(f->sink, 4096), &i));
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* What was lost of @dev up to now, earlier files' part included. */
static void sum_of(const struct dropped_file *f, const struct device *dev, struct dropped_sum *ret)
{
	struct tl_dropped_count n = { 0 };

	dropped_count(f->dropped, dev->netns, dev->ifindex, &n);
	*ret = (struct dropped_sum){
		.lost = less(n.lost, dev->not_lost),
		.written = dev->written,
		.limited = n.limited,
		.unsent = n.unsent,
		.not_lost = dev->not_lost,
	};
}

/* @last: what was not written behind the last frame belongs to it, too; else the next frame will
 * tell. */
static void write_statistics(struct dropped_file *f, struct device *dev, bool last)
{
	struct dropped_sum sum;
	struct rx_ring_stats st = { 0 };
	char text[160] = "";

	begin_interface(f, dev);
	sum_of(f, dev, &sum);
	st.captured = dev->written - dev->written_before;
	st.lost = (last ? sum.limited + sum.unsent : dev->reported) - dev->reported_before;
	if (last && sum.limited + sum.unsent > dev->reported)
		snprintf(text, sizeof(text),
			 "taploss: %llu frames lost after frame %llu of this interface",
			 (unsigned long long)(sum.limited + sum.unsent - dev->reported),
			 (unsigned long long)st.captured);
	sink_put(f->sink, pcapng_statistics(sink_room(f->sink, 4096), (uint32_t)dev->number, &st,
					    dev->from_ns, utc_ns(), text));
	dev->written_before = dev->written;
	dev->reported_before = dev->reported;
}

static int rotate(struct dropped_file *f)
{
	int r;

	for (size_t i = 0; i < f->n; i++)
		write_statistics(f, &f->devices[i], false);
	r = sink_flush(f->sink);
	if (r >= 0)
		r = sink_next(f->sink);
	if (r >= 0)
		begin_file(f);
	return r;
}

struct loss_text {
	struct class_out class;
	const char *site, *reason;
	struct ksym sym;
	char text[400];
};

/* False: not a loss. */
static bool classify(const struct dropped_file *f, const struct tl_dropped *d,
		     struct loss_text *ret)
{
	ret->reason = reason_name(f->reasons, d->reason);
	ret->site = ksym_site(f->syms, d->location, &ret->sym);
	class_of(&(struct class_in){ ret->reason, ret->site, d->kind, d->ingress }, &ret->class);
	return ret->class.class && !class_copy(&ret->class);
}

static void describe(const struct tl_dropped *d, const struct device *dev, struct loss_text *w)
{
	size_t room = sizeof(w->text);
	int n = snprintf(w->text, room,
			 "taploss: lost reason=%.60s place=%.80s class=%s kind=%s direction=%s",
			 w->reason, w->site, w->class.class, w->class.kind, w->class.direction);

	if (d->queue != TL_QUEUE_NONE)
		n += snprintf(w->text + n, room - (size_t)n, " queue=%u", d->queue);
	if (d->segments > 1)
		n += snprintf(w->text + n, room - (size_t)n, " segments=%u", d->segments);
	if (dev->carried_limited)
		n += snprintf(w->text + n, room - (size_t)n, " limited=%llu",
			      (unsigned long long)dev->carried_limited);
	if (dev->carried_unsent)
		snprintf(w->text + n, room - (size_t)n, " unsent=%llu",
			 (unsigned long long)dev->carried_unsent);
}

static struct rx_ring_frame as_frame(const struct dropped_file *f, const struct tl_dropped *d)
{
	struct rx_ring_frame frame = {
		.data = d->head,
		.caplen = d->front + d->more,
		.len = d->len,
		.t_ns = d->t_ns + f->boot_to_utc_ns,
		.vlan_tci = d->vlan_tci,
		.vlan_tpid = ntohs(d->vlan_proto),
		.type = d->ingress ? PACKET_HOST : PACKET_OUTGOING,
	};

	if (d->tagged)
		frame.status = TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID;
	if (d->segments > 1)
		frame.status |= 0x100;	/* TP_STATUS_GSO_TCP */
	return frame;
}

static void write_frame(struct dropped_file *f, struct device *dev, const struct dropped_frame *df,
			const struct loss_text *w)
{
	const struct tl_dropped *d = df->frame;
	const struct rx_ring_frame frame = as_frame(f, d);
	uint64_t number = dev->written - dev->written_before,
		 lost = dev->carried_limited + dev->carried_unsent;
	uint64_t since = less(df->after, dev->not_lost + dev->written_before);
	const struct gap gap = {
		.before = number,
		.lost = lost,
		.lo = since + 1 < number ? since + 1 : number,
		.hi = number,
		.exact = since + 1 >= number,
	};
	const struct pcapng_extra x = {
		.gap = lost ? &gap : NULL,
		.queue = d->queue == TL_QUEUE_NONE ? -1 : d->queue,
		.comment = w->text,
	};
	uint8_t *room = sink_room(f->sink, ROOM), tail[PCAPNG_TAIL];
	struct pcapng_parts parts;

	pcapng_frame(room, tail, (uint32_t)dev->number, (uint32_t)f->rq->snaplen, &frame, &x,
		     &parts);
	memcpy(room + parts.head_bytes, parts.rest, parts.rest_bytes);
	memcpy(room + parts.head_bytes + parts.rest_bytes, tail, parts.tail_bytes);
	sink_put(f->sink, parts.head_bytes + parts.rest_bytes + parts.tail_bytes);
	dev->reported += lost;
	dev->carried_limited = dev->carried_unsent = 0;
}

static bool rotation_due(const struct dropped_file *f, uint64_t t_ns)
{
	return (f->rq->rotate_bytes && sink_bytes(f->sink) >= f->rq->rotate_bytes) ||
	       (f->rq->rotate_ns && t_ns >= f->file_ns + f->rq->rotate_ns);
}

int dropped_file_put(struct dropped_file *f, const struct dropped_frame *df)
{
	struct device *dev = device_of(f, df->frame);
	struct loss_text w;
	int r = 0;

	if (!dev)
		return 0;
	dev->carried_limited += df->limited;
	dev->carried_unsent += df->unsent;
	if (!classify(f, df->frame, &w)) {
		dev->not_lost++;
		return 0;
	}
	look_at_clock(f, df->frame->t_ns);
	if (rotation_due(f, df->frame->t_ns + f->boot_to_utc_ns))
		r = rotate(f);
	if (r < 0)
		return r;
	if (df->frame->hardware == ARPHRD_NONE)
		dev->linktype = LINKTYPE_RAW;
	begin_interface(f, dev);
	describe(df->frame, dev, &w);
	dev->written++;
	f->written++;
	write_frame(f, dev, df, &w);
	return f->rq->max_frames && f->written >= f->rq->max_frames ? -ECANCELED : 0;
}

int dropped_file_flush(struct dropped_file *f)
{
	return sink_flush(f->sink);
}

int dropped_file_end(struct dropped_file *f, bool full)
{
	if (full)
		sink_retry(f->sink);
	for (size_t i = 0; i < f->n; i++)
		write_statistics(f, &f->devices[i], true);
	return sink_flush(f->sink);
}

void dropped_file_sum(const struct dropped_file *f, struct dropped_sum *ret)
{
	struct dropped_sum one;

	*ret = (struct dropped_sum){ .files = f->files };
	for (size_t i = 0; i < f->n; i++) {
		sum_of(f, &f->devices[i], &one);
		ret->lost += one.lost;
		ret->written += one.written;
		ret->limited += one.limited;
		ret->unsent += one.unsent;
		ret->not_lost += one.not_lost;
	}
}
