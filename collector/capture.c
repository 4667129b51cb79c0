/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base.h"
#include "filter.h"
#include "pcapng.h"

#define MAX_INPUTS 256
#define DRAIN_NS (2 * NSEC_PER_SEC)
#define HOLD_MS 2			/* how soon to look again when frames wait for another port */

/* A ring; one that ended keeps its number in the file. */
struct input {
	struct port *port;		/* NULL: ended */
	char name[IF_NAMESIZE], description[256];
	uint32_t ifindex, number;
	int queue;			/* member of a fanout by queue; else -1 */
	uint16_t linktype;
	uint64_t speed, from_ns;
	bool leaving, down;
	struct port_stats stats;	/* of one that ended */
	struct port_stats before;	/* what stands in earlier files of a row */

	/* The frame in turn, when there is one. */
	bool ready;
	struct port_frame frame;
};

struct capture {
	struct capture_options o;
	struct sink *sink;
	int epoll;
	struct filter filter;
	bool filtered;
	struct input inputs[MAX_INPUTS];
	uint32_t n;
	uint64_t last_ns, file_ns, written;
	bool held, stopping;
	struct capture_stats stats;
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static void capture_freep(struct capture **c)
{
	*c = capture_free(*c);
}

struct capture *capture_free(struct capture *c)
{
	if (!c)
		return NULL;
	for (uint32_t i = 0; i < c->n; i++)
		port_free(c->inputs[i].port);
	close_fd(c->epoll);
	filter_clear(&c->filter);
	free(c);
	return NULL;
}

/* Sections and interfaces. */

static void write_section(struct capture *c)
{
	sink_put(c->sink, pcapng_section(sink_room(c->sink, 4096), "taplossctl " TAPLOSS_VERSION));
	c->file_ns = clock_ns();
	c->stats.files++;
}

static void write_interface(struct capture *c, const struct input *in)
{
	const struct pcapng_interface i = { .name = in->name, .description = in->description, .filter = c->o.filter, .linktype = in->linktype,
					    .snaplen = c->o.snaplen, .speed = in->speed };

	sink_put(c->sink, pcapng_interface(sink_room(c->sink, 4096), &i));
}

static void write_statistics(struct capture *c, const struct input *in)
{
	struct port_stats st = in->port ? *port_stats(in->port) : in->stats;
	char words[160] = "";

	st.captured -= in->before.captured;
	st.lost -= in->before.lost;
	st.ghosts -= in->before.ghosts;
	if (st.trailing)
		snprintf(words, sizeof(words), "taploss: %llu frames lost after frame %llu of this interface", (unsigned long long)st.trailing,
			 (unsigned long long)st.captured);
	sink_put(c->sink, pcapng_statistics(sink_room(c->sink, 4096), in->number, &st, in->from_ns, clock_ns(), words));
}

int capture_new(const struct capture_options *o, struct sink *sink, struct capture **ret)
{
	_cleanup_(capture_freep) struct capture *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->o = *o;
	c->sink = sink;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll < 0)
		return -errno;
	write_section(c);
	*ret = TAKE_PTR(c);
	return 0;
}

static int refuse(int error, const char *device, char why[static 256])
{
	switch (error) {
	case -EPERM:
	case -EACCES:
		snprintf(why, 256, "capturing needs CAP_NET_RAW; run taplossctl as root");
		break;
	case -ENODEV:
		snprintf(why, 256, "there is no network device \"%.60s\" here", device);
		break;
	case -ENOMEM:
		snprintf(why, 256, "%.60s: the kernel has no memory for this ring; take fewer blocks", device);
		break;
	default:
		snprintf(why, 256, "%.60s: %s", device, strerror(-error));
	}
	return error;
}

static uint64_t speed_of(const char *device)
{
	char path[96];
	long long mbit = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%.20s/speed", device);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%lld", &mbit) != 1 || mbit < 0)
		mbit = 0;
	fclose(f);
	return (uint64_t)mbit * 1000000;
}

static int linktype_of(uint16_t hardware, uint16_t *ret)
{
	if (hardware == ARPHRD_ETHER || hardware == ARPHRD_LOOPBACK)
		*ret = 1;	/* LINKTYPE_ETHERNET */
	else if (hardware == ARPHRD_NONE)
		*ret = 101;	/* LINKTYPE_RAW: a tun */
	else
		return -EAFNOSUPPORT;
	return 0;
}

static int add_ring(struct capture *c, struct input *in, const struct port_options *po)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.ptr = in };
	int r = port_open(in->ifindex, po, &in->port);

	if (r < 0)
		return r;
	r = linktype_of(port_hardware(in->port), &in->linktype);
	if (r >= 0 && epoll_ctl(c->epoll, EPOLL_CTL_ADD, port_fd(in->port), &ev) < 0)
		r = -errno;
	if (r < 0) {
		in->port = port_free(in->port);
		return r;
	}
	in->from_ns = clock_ns();
	write_interface(c, in);
	c->n++;
	return 0;
}

int capture_add(struct capture *c, const char *device, const char *description, char why[static 256])
{
	uint32_t ifindex = if_nametoindex(device);
	int group = -1, r = 0;
	struct port_options po = { .shape = c->o.shape, .ignore_outgoing = c->o.ignore_outgoing, .fanout = c->o.fanout, .fanout_group = &group };

	if (!ifindex)
		return refuse(-ENODEV, device, why);
	for (uint32_t i = 0; i < c->n; i++)
		if (c->inputs[i].port && !c->inputs[i].leaving && c->inputs[i].ifindex == ifindex)
			return -EALREADY;
	if (!c->filtered) {
		r = filter_compile(device, c->o.filter, c->o.snaplen, &c->filter, why);
		if (r < 0)
			return r == -EINVAL ? r : refuse(r, device, why);
		c->filtered = true;
	}
	po.filter = c->filter.code;
	po.filter_length = c->filter.length;
	for (unsigned int m = 0; m < c->o.members && r >= 0; m++) {
		struct input *in = &c->inputs[c->n];

		if (c->n == MAX_INPUTS)
			return refuse(-ENOSPC, device, why);
		*in = (struct input){ .ifindex = ifindex, .number = c->n, .queue = -1, .speed = speed_of(device) };
		snprintf(in->name, sizeof(in->name), "%s", device);
		if (c->o.members > 1)
			snprintf(in->description, sizeof(in->description), "%s%sring %u of %u", description ? description : "", description ? ", " : "",
				 m, c->o.members);
		else
			snprintf(in->description, sizeof(in->description), "%s", description ? description : "");
		if (c->o.fanout == PACKET_FANOUT_QM)
			in->queue = (int)m;
		r = add_ring(c, in, &po);
	}
	return r < 0 ? refuse(r, device, why) : 0;
}

/* Frames. */

static void write_frame(struct capture *c, struct input *in)
{
	struct pcapng_parts parts;
	struct gap gap;
	const struct pcapng_extra x = { .gap = port_gap(in->port, &gap) ? &gap : NULL, .queue = in->queue, .hash = c->o.shape.rx_hash };
	uint8_t *head = sink_room(c->sink, 4096), *tail, spare[PCAPNG_TAIL];
	bool split;

	if (in->frame.t_ns < c->last_ns) {
		c->stats.late++;
		if (c->last_ns - in->frame.t_ns > c->stats.late_ns)
			c->stats.late_ns = c->last_ns - in->frame.t_ns;
	} else {
		c->last_ns = in->frame.t_ns;
	}
	pcapng_frame(head, spare, in->number, c->o.snaplen, &in->frame, &x, &parts);
	split = parts.rest_bytes;
	if (split) {
		sink_put(c->sink, parts.head_bytes);
		sink_refer(c->sink, parts.rest, parts.rest_bytes);
		tail = sink_room(c->sink, sizeof(spare));
		memcpy(tail, spare, parts.tail_bytes);
		sink_put(c->sink, parts.tail_bytes);
	} else {
		memcpy(head + parts.head_bytes, spare, parts.tail_bytes);
		sink_put(c->sink, parts.head_bytes + parts.tail_bytes);
	}
	c->written++;
}

/* Is a frame in turn? */
static bool look(struct input *in)
{
	if (in->ready)
		return true;
	if (!in->port || !port_take(in->port))
		return false;
	port_peek(in->port, &in->frame);
	in->ready = true;
	return true;
}

static int step_frame(struct capture *c, struct input *in)
{
	int r = 0;

	write_frame(c, in);
	port_next(in->port);
	in->ready = false;
	if (port_take(in->port)) {	/* the batch goes on */
		port_peek(in->port, &in->frame);
		in->ready = true;
		return 0;
	}
	r = sink_flush(c->sink);
	port_release(in->port);
	return r;
}

static int rotate(struct capture *c)
{
	int r;

	for (uint32_t i = 0; i < c->n; i++)
		write_statistics(c, &c->inputs[i]);
	r = sink_flush(c->sink);
	if (r >= 0)
		r = sink_next(c->sink);
	if (r < 0)
		return r;
	write_section(c);
	for (uint32_t i = 0; i < c->n; i++) {
		struct input *in = &c->inputs[i];

		in->before = in->port ? *port_stats(in->port) : in->stats;
		in->from_ns = c->file_ns;
		write_interface(c, in);
	}
	return 0;
}

static bool rotation_due(const struct capture *c)
{
	return (c->o.rotate_bytes && sink_bytes(c->sink) >= c->o.rotate_bytes) ||
	       (c->o.rotate_ns && c->last_ns && c->last_ns >= c->file_ns + c->o.rotate_ns);
}

/* Whose frame is next, and up to which time stamp may it go on alone? NULL: nothing may be written yet. */
static struct input *next_input(struct capture *c, uint64_t *ret_upto)
{
	struct input *first = NULL;
	uint64_t now = clock_ns(), second = UINT64_MAX, frontier = UINT64_MAX;

	for (uint32_t i = 0; i < c->n; i++) {
		struct input *in = &c->inputs[i];

		if (!in->port)
			continue;
		if (!look(in)) {
			uint64_t t = c->n > 1 ? port_frontier(in->port, now) : UINT64_MAX;

			frontier = t < frontier ? t : frontier;
			continue;
		}
		if (!first || in->frame.t_ns < first->frame.t_ns) {
			second = first ? first->frame.t_ns : second;
			first = in;
		} else if (in->frame.t_ns < second) {
			second = in->frame.t_ns;
		}
	}
	*ret_upto = second < frontier ? second : frontier;
	c->held = first && first->frame.t_ns > frontier && !c->stopping;
	return c->held ? NULL : first;
}

static int pump(struct capture *c)
{
	struct input *in;
	uint64_t upto;
	int r = 0;

	if (c->o.max_frames && c->written >= c->o.max_frames)
		return -ECANCELED;
	while (r >= 0 && (in = next_input(c, &upto))) {
		if (c->stopping)
			upto = in->frame.t_ns;
		do {
			r = step_frame(c, in);
			if (r >= 0 && c->o.max_frames && c->written >= c->o.max_frames)
				r = -ECANCELED;
			if (r >= 0 && rotation_due(c))
				r = rotate(c);
		} while (r >= 0 && in->ready && in->frame.t_ns <= upto);
	}
	if (r < 0 && r != -ECANCELED)
		return r;
	return sink_flush(c->sink) < 0 ? sink_flush(c->sink) : r;
}

/* @whole: everything that was in the ring has been read. */
static void end_input(struct capture *c, struct input *in, bool whole)
{
	if (!port_close_ledger(in->port) && whole)
		c->stats.unclosed++;
	in->stats = *port_stats(in->port);
	in->port = port_free(in->port);
	write_statistics(c, in);
}

static void check_devices(struct capture *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		struct input *in = &c->inputs[i];
		int r;

		if (!in->port)
			continue;
		r = port_error(in->port);
		in->leaving = in->leaving || r == -ENODEV;
		if (r == -ENETDOWN)
			in->down = true;
		else if (!r && in->down)
			in->down = false;
		if (in->leaving && !in->ready && port_drained(in->port))
			end_input(c, in, true);
	}
}

int capture_step(struct capture *c, int ms)
{
	struct epoll_event events[64];
	int n, r;

	if (c->held && ms > HOLD_MS)
		ms = HOLD_MS;
	n = epoll_wait(c->epoll, events, ARRAY_SIZE(events), ms);
	if (n < 0 && errno != EINTR)
		return -errno;
	r = pump(c);
	for (int i = 0; i < n; i++)
		if (events[i].events & EPOLLERR)
			((struct input *)events[i].data.ptr)->down = true;
	if (n <= 0 && !c->held)
		check_devices(c);
	else
		for (int i = 0; i < n; i++)
			if (events[i].events & (EPOLLERR | EPOLLHUP)) {
				check_devices(c);
				break;
			}
	return r;
}

int capture_finish(struct capture *c)
{
	uint64_t begin = clock_ns();
	bool left = true, whole;
	int r = 0;

	for (uint32_t i = 0; i < c->n; i++)
		if (c->inputs[i].port)
			port_stop(c->inputs[i].port);
	while (left && r >= 0 && clock_ns() - begin < DRAIN_NS) {
		r = pump(c);
		left = false;
		for (uint32_t i = 0; i < c->n; i++)
			left = left || (c->inputs[i].port && (c->inputs[i].ready || !port_drained(c->inputs[i].port)));
		if (left && r >= 0)
			epoll_wait(c->epoll, &(struct epoll_event){ 0 }, 1, HOLD_MS);
	}
	c->stopping = true;
	if (r >= 0)
		r = pump(c);
	whole = r >= 0;
	if (r == -ENOSPC)
		sink_retry(c->sink);
	for (uint32_t i = 0; i < c->n; i++)
		if (c->inputs[i].port)
			end_input(c, &c->inputs[i], whole);
	if (r == -ECANCELED)
		r = 0;
	return r < 0 ? (sink_flush(c->sink), r) : sink_flush(c->sink);
}

static void add(struct port_stats *sum, const struct port_stats *st)
{
	sum->offered += st->offered;
	sum->captured += st->captured;
	sum->lost += st->lost;
	sum->ghosts += st->ghosts;
	sum->freezes += st->freezes;
	sum->gaps += st->gaps;
	sum->exact += st->exact;
	sum->trailing += st->trailing;
}

void capture_read_stats(const struct capture *c, struct capture_stats *ret)
{
	*ret = c->stats;
	for (uint32_t i = 0; i < c->n; i++) {
		const struct input *in = &c->inputs[i];
		double fill;

		add(&ret->sum, in->port ? port_stats(in->port) : &in->stats);
		if (!in->port)
			continue;
		fill = port_fill(in->port);
		ret->fill = fill > ret->fill ? fill : ret->fill;
		ret->ports++;
		ret->down += in->down;
	}
}
