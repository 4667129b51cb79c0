/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "screen_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/print/chart.h"
#include "ctl/print/text.h"

#define MAX_WIDTH 512
#define NAME_WIDTH 32

const char *const order_names[BOARD_ORDERS] = {
	[ORDER_NOW] = "now",	   [ORDER_PCT] = "share", [ORDER_FRAMES] = "frames",
	[ORDER_BURSTS] = "bursts", [ORDER_NAME] = "name", [ORDER_STATE] = "state",
	[ORDER_CLASS] = "class"
};

/* A column: the text of a row in it. */
struct col {
	const char *head;
	int order;		/* enum top_model_order; -1: not sorted by */
	int width;		/* 0: all that is left, in equal parts */
	int from;		/* terminal columns from which on it is shown */
	bool right;
	void (*text)(const struct screen *s, const struct top_model_row *r, int width, char *buf,
		     size_t size);
};

static void name_text(const struct screen *s, const struct top_model_row *r, int width, char *buf,
		      size_t size)
{
	_cleanup_(freep) char *name = text_short(r->vm	  ? r->vm->name
						 : r->nic ? r->nic
							  : "-",
						 (size_t)width - (r->vm ? 0 : 2));

	(void)s;
	snprintf(buf, size, "%s%s", r->vm ? "" : "- ", name);
}

static void nic_text(const struct screen *s, const struct top_model_row *r, int width, char *buf,
		     size_t size)
{
	_cleanup_(freep) char *name = text_short(r->nic ? r->nic : "-", (size_t)width);

	(void)s;
	snprintf(buf, size, "%s", name);
}

static void state_text(const struct screen *s, const struct top_model_row *r, int width, char *buf,
		       size_t size)
{
	(void)s;
	(void)width;
	snprintf(buf, size, "%s", r->vm ? r->vm->state : "-");
}

static void direction_text(const struct screen *s, const struct top_model_row *r, int width,
			   char *buf, size_t size)
{
	(void)s;
	(void)width;
	snprintf(buf, size, "%s", r->series ? r->series->direction : "-");
}

static void queue_text(const struct screen *s, const struct top_model_row *r, int width, char *buf,
		       size_t size)
{
	(void)s;
	(void)width;
	if (r->series->queue < 0)
		snprintf(buf, size, "-");
	else
		snprintf(buf, size, "%d", r->series->queue);
}

static void now_text(const struct screen *s, const struct top_model_row *r, int width, char *buf,
		     size_t size)
{
	char number[32];

	(void)s;
	snprintf(buf, size, "%s", short_count(number, r->now, width));
}

static void frames_text(const struct screen *s, const struct top_model_row *r, int width, char *buf,
			size_t size)
{
	char number[32];

	(void)s;
	snprintf(buf, size, "%s", short_count(number, r->frames, width));
}

static void bursts_text(const struct screen *s, const struct top_model_row *r, int width, char *buf,
			size_t size)
{
	char number[32];

	(void)s;
	snprintf(buf, size, "%s", short_count(number, r->bursts, width));
}

static void longest_text(const struct screen *s, const struct top_model_row *r, int width,
			 char *buf, size_t size)
{
	char span[32];

	(void)s;
	(void)width;
	snprintf(buf, size, "%s", r->bursts ? short_span(span, r->longest_ns) : "-");
}

static void pct_text(const struct screen *s, const struct top_model_row *r, int width, char *buf,
		     size_t size)
{
	char pct[32];

	(void)s;
	(void)width;
	snprintf(buf, size, "%s", r->pct < 0 ? "-" : text_percent(pct, r->pct));
}

static void class_text(const struct screen *s, const struct top_model_row *r, int width, char *buf,
		       size_t size)
{
	char more[16] = "";

	(void)s;
	if (r->classes > 1)
		snprintf(more, sizeof(more), "+%u", r->classes - 1);
	snprintf(buf, size, "%.*s%s", width - (int)strlen(more), r->series ? r->series->class : "-",
		 more);
}

static void reason_text(const struct screen *s, const struct top_model_row *r, int width, char *buf,
			size_t size)
{
	(void)s;
	(void)width;
	snprintf(buf, size, "%s", r->series->reason);
}

static const struct reader_attachment *attachment_of(const struct screen *s,
						     const struct top_model_row *r)
{
	return reader_attached(s->v, r->series->device_id, s->board.until_ns);
}

static void queues_text(const struct screen *s, const struct top_model_row *r, int width, char *buf,
			size_t size)
{
	const struct reader_attachment *a = attachment_of(s, r);

	(void)width;
	if (a && a->queues > 0)
		snprintf(buf, size, "%d", a->queues);
	else
		snprintf(buf, size, "-");
}

static void ring_text(const struct screen *s, const struct top_model_row *r, int width, char *buf,
		      size_t size)
{
	const struct reader_attachment *a = attachment_of(s, r);

	(void)width;
	if (a && a->ring_frames > 0)
		snprintf(buf, size, "%d", a->ring_frames);
	else
		snprintf(buf, size, "-");
}

static void chart_field(const struct screen *s, const struct top_model_row *r, int width, char *buf,
			size_t size)
{
	uint64_t cells[MAX_WIDTH], max = 0;
	bool seen[MAX_WIDTH];
	_cleanup_(freep) char *text = NULL;
	size_t k, n = top_model_fold(&s->board, r->cells,
				     (size_t)(width > MAX_WIDTH ? MAX_WIDTH : width), cells, seen,
				     &k);

	for (size_t i = 0; i < n; i++)
		max = cells[i] > max ? cells[i] : max;
	text = chart_text(cells, seen, n, max);
	snprintf(buf, size, "%s", text);
}

static const struct col vm_fields[] = {
	{ "VM", ORDER_NAME, 0, 0, false, name_text },
	{ "STATE", ORDER_STATE, 8, 60, false, state_text },
	{ "DIR", -1, 3, 44, false, direction_text },
	{ "NOW/s", ORDER_NOW, 8, 0, true, now_text },
	{ "LOST", ORDER_PCT, 7, 52, true, pct_text },
	{ "FRAMES", ORDER_FRAMES, 9, 0, true, frames_text },
	{ "CLASS", ORDER_CLASS, 13, 34, false, class_text },
	{ "BURSTS", ORDER_BURSTS, 7, 100, true, bursts_text },
	{ "LONGEST", -1, 8, 110, true, longest_text },
	{ "OVER TIME", -1, 0, 70, false, chart_field },
};
static const struct col nic_fields[] = {
	{ "NIC", ORDER_NAME, 0, 0, false, nic_text },
	{ "DIR", -1, 3, 44, false, direction_text },
	{ "QUEUES", -1, 6, 90, true, queues_text },
	{ "RING", -1, 6, 90, true, ring_text },
	{ "NOW/s", ORDER_NOW, 8, 0, true, now_text },
	{ "LOST", ORDER_PCT, 7, 52, true, pct_text },
	{ "FRAMES", ORDER_FRAMES, 9, 0, true, frames_text },
	{ "CLASS", ORDER_CLASS, 13, 34, false, class_text },
	{ "BURSTS", ORDER_BURSTS, 7, 100, true, bursts_text },
	{ "LONGEST", -1, 8, 110, true, longest_text },
	{ "OVER TIME", -1, 0, 70, false, chart_field },
};
static const struct col queue_fields[] = {
	{ "QUEUE", -1, 5, 0, true, queue_text },
	{ "CLASS", ORDER_CLASS, 13, 34, false, class_text },
	{ "KERNEL", -1, 20, 100, false, reason_text },
	{ "NOW/s", ORDER_NOW, 8, 0, true, now_text },
	{ "OF LOSS", ORDER_PCT, 7, 52, true, pct_text },
	{ "FRAMES", ORDER_FRAMES, 9, 0, true, frames_text },
	{ "BURSTS", ORDER_BURSTS, 7, 0, true, bursts_text },
	{ "LONGEST", -1, 8, 110, true, longest_text },
	{ "OVER TIME", -1, 0, 60, false, chart_field },
};

static const struct {
	const struct col *fields;
	size_t n;
} lists[] = { { vm_fields, ARRAY_SIZE(vm_fields) },
	      { nic_fields, ARRAY_SIZE(nic_fields) },
	      { queue_fields, ARRAY_SIZE(queue_fields) } };

/* A name and the chart share what the others leave; a name takes no more than it needs to be told
 * from others. */
static int width_of(const struct screen *s, const struct col *f)
{
	bool chart = false, name = false;
	int left = COLS + 1, part;

	if (f->width)
		return f->width;
	for (size_t i = 0; i < lists[s->where.level].n; i++) {
		const struct col *x = &lists[s->where.level].fields[i];

		if (COLS < x->from)
			continue;
		left -= x->width + 1;
		chart |= x->text == chart_field;
		name |= !x->width && x->text != chart_field;
	}
	part = !chart ? left : left * 3 / 5 > NAME_WIDTH ? NAME_WIDTH : left * 3 / 5;
	if (f->text == chart_field && name)
		part = left - part;
	else if (f->text == chart_field)
		part = left;
	return part > 1 ? part : 1;
}

static void draw_heads(const struct screen *s, int y)
{
	int x = 0;

	attrset(paint_of(s, PAINT_HEAD));
	put_line(y, "");
	for (size_t i = 0; i < lists[s->where.level].n; i++) {
		const struct col *f = &lists[s->where.level].fields[i];
		int width = width_of(s, f);

		if (COLS < f->from)
			continue;
		attrset(paint_of(s, PAINT_HEAD) |
			((int)s->order == f->order ? A_BOLD | A_UNDERLINE : 0));
		x = (f->right ? put_right : put)(y, x, width, f->head) + 1;
	}
	attrset(A_NORMAL);
}

static void draw_row(const struct screen *s, int y, const struct top_model_row *r, bool here)
{
	static const enum paint paints[BOARD_PARTS] = { PAINT_HARM, PAINT_PATH, PAINT_BENIGN,
							PAINT_BENIGN, PAINT_PLAIN };
	attr_t attr = here				? A_REVERSE
		      : r->part == PART_HARM && !r->now ? A_NORMAL
							: paint_of(s, paints[r->part]);
	char buf[MAX_WIDTH * 4];
	int x = 0;

	attrset(attr);
	put_line(y, "");
	if (!(termattrs() & A_REVERSE))
		x = put(y, 0, 1, here ? ">" : "") + 1;
	for (size_t i = 0; i < lists[s->where.level].n; i++) {
		const struct col *f = &lists[s->where.level].fields[i];
		int width = width_of(s, f);

		if (COLS < f->from)
			continue;
		f->text(s, r, width, buf, sizeof(buf));
		x = (f->right ? put_right : put)(y, x, width, buf) + 1;
	}
	attrset(A_NORMAL);
}

static void draw_heading(const struct screen *s, int y, enum top_model_part part)
{
	static const char *const words[BOARD_PARTS] = {
		"harmful", "on the way to or from the tap",
		"benign: VM not running, ring emptied, device not ready", "masked", "no loss"
	};
	char text[128];

	snprintf(text, sizeof(text), "-- %s", words[part]);
	attrset(paint_of(s, part == PART_PATH ? PAINT_PATH : PAINT_BENIGN));
	put_line(y, text);
	attrset(A_NORMAL);
}

static void draw_burst(const struct screen *s, int y, const struct burst *b, uint64_t most)
{
	const struct reader_vm *vm = reader_vm(s->v, b->most->sender_vm_id);
	_cleanup_(freep) char *from = text_short(vm		   ? vm->name
						 : b->most->sender ? b->most->sender
								   : "-",
						 16);
	char day[64], clock[80], length[32], frames[32], gap[32], place[32],
		bar[MAX_WIDTH * 3 + 1] = "";
	int x, width = COLS - 72 > 0 ? (int)((uint64_t)(COLS - 72) * b->frames / (most ? most : 1))
				     : 0;

	snprintf(clock, sizeof(clock), "%s.%03u", text_clock(day, b->start_ns, 1),
		 (unsigned int)(b->start_ns % NSEC_PER_SEC / NSEC_PER_MSEC));
	x = put(y, 0, 12, clock) + 1;
	x = put_right(y, x, 8, short_span(length, b->last_ns - b->start_ns)) + 1;
	x = put_right(y, x, 9, short_count(frames, b->frames, 9)) + 1;
	x = put_right(y, x, 8, b->gap_ns ? short_span(gap, b->gap_ns) : "-") + 1;
	x = put_right(y, x, 13, b->place ? short_count(place, b->place, 13) : "-") + 1;
	x = put(y, x, 16, from) + 1;
	for (int i = 0; i < width && i < MAX_WIDTH; i++)
		strcat(bar, text_is_utf8() ? "\xe2\x96\xa0" : "#");
	put(y, x, COLS - x, bar);
}

/* The newest at the top. */
static void draw_bursts(struct screen *s, int y, size_t lines)
{
	const struct bursts *b = &s->board.bursts;
	uint64_t most = 0;
	int x = 0;

	attrset(paint_of(s, PAINT_HEAD));
	put_line(y - 1, "");
	x = put(y - 1, x, 12, "START") + 1;
	x = put_right(y - 1, x, 8, "LENGTH") + 1;
	x = put_right(y - 1, x, 9, "FRAMES") + 1;
	x = put_right(y - 1, x, 8, "GAP") + 1;
	x = put_right(y - 1, x, 13, "PLACE") + 1;
	put(y - 1, x, 16, "FROM");
	attrset(A_NORMAL);
	for (size_t i = 0; i < b->n; i++)
		most = b->all[i].frames > most ? b->all[i].frames : most;
	for (size_t i = 0; i < lines && s->top + i < b->n; i++) {
		attrset(s->top + i == s->cursor ? A_REVERSE : A_NORMAL);
		put_line(y + (int)i, "");
		draw_burst(s, y + (int)i, &b->all[b->n - 1 - s->top - i], most);
	}
	attrset(A_NORMAL);
	if (!b->n)
		put_line(y, "no burst in this time");
}

static void draw_totals(const struct screen *s)
{
	const struct top_model *b = &s->board;
	char text[MAX_WIDTH], clock[64], pct[32], a[32], c[32], d[32], e[32], span[32];

	text_clock(clock, b->until_ns, NSEC_PER_MIN);
	text_duration(span, s->span_ns);
	snprintf(text, sizeof(text), "taploss %s  last %s, %s%s%s%s", clock, span,
		 b->covered_pct <= 0	  ? "NOT OBSERVED"
		 : b->covered_pct < 99.95 ? text_percent(pct, b->covered_pct)
					  : "all observed",
		 b->covered_pct > 0 && b->covered_pct < 99.95 ? " observed" : "",
		 s->v->running ? "" : "  the agent is NOT RUNNING", s->frozen ? "  FROZEN" : "");
	attrset(s->v->running && b->covered_pct > 0 ? A_BOLD : paint_of(s, PAINT_WARN));
	put_line(0, text);
	attrset(A_NORMAL);
	if (s->where.level == BOARD_BURSTS) {
		put_line(1, "");
		return;
	}
	snprintf(text, sizeof(text), "lost now %s/s; in %s %s harmful, %s on the way, %s benign",
		 short_count(a, b->now[PART_HARM], 12), span,
		 short_count(c, b->frames[PART_HARM], 12), short_count(d, b->frames[PART_PATH], 12),
		 short_count(e, b->frames[PART_BENIGN], 12));
	put_line(1, text);
}

/* "all VMs", "web-1 (paused) > vnet0 rx > queue 2 PTR_FULL" */
static void draw_where(const struct screen *s)
{
	const struct reader_vm *vm = reader_vm(s->v, s->where.vm_id);
	_cleanup_(freep) char *name = text_short(vm ? vm->name : s->where.nic, 32),
			      *nic = text_short(s->where.nic, 24), *filter = text_safe(s->filter);
	char text[MAX_WIDTH], order[64] = "";
	size_t n;

	if (s->where.level == BOARD_VMS)
		snprintf(text, sizeof(text), "all VMs");
	else
		snprintf(text, sizeof(text), "%s%s%s%s", vm ? "" : "nobody's ", name, vm ? " " : "",
			 vm ? vm->state : "");
	n = strlen(text);
	if (s->where.level >= BOARD_QUEUES)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " > %s %s", nic,
				      s->where.direction);
	if (s->where.level == BOARD_BURSTS && s->where.queue >= 0)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " > queue %d", s->where.queue);
	if (s->where.level == BOARD_BURSTS)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", s->where.class);
	if (s->where.level != BOARD_BURSTS)
		snprintf(order, sizeof(order), ", by %s%s", order_names[s->order],
			 s->upwards ? " (least first)" : "");
	snprintf(text + n, sizeof(text) - n, "%s%s%s%s%s", order, *filter ? ", only \"" : "",
		 filter, *filter ? "\"" : "", s->no_benign ? ", without benign" : "");
	put_line(2, text);
}

static void draw_foot(const struct screen *s)
{
	_cleanup_(freep) char *filter = text_safe(s->filter);
	char text[MAX_WIDTH];

	if (s->typing)
		snprintf(text, sizeof(text), "filter: %s_  (Enter keeps it, Esc ends it)", filter);
	else if (*s->said)
		snprintf(text, sizeof(text), "%s", s->said);
	else
		snprintf(text, sizeof(text), "%s",
			 COLS < 60 ? "?Help /Filter qQuit"
				   : "F1Help  F4Filter  F6Sort  Enter in  Esc out  d Diagnose  w "
				     "Window  F10Quit");
	attrset(*s->said && !s->typing ? paint_of(s, PAINT_WARN) : A_REVERSE);
	put_line(LINES - 1, text);
	attrset(A_NORMAL);
}

size_t list_lines(void)
{
	int taken = HEAD_LINES + 1 + (LINES >= PANE_FROM ? PANE_LINES : 0);

	return LINES > taken ? (size_t)(LINES - taken) : 1;
}

static void draw_list(struct screen *s)
{
	size_t lines = list_lines();

	draw_heads(s, HEAD_LINES - 1);
	if (!s->n_items) {
		put_line(HEAD_LINES,
			 s->board.n ? "no rows: all are filtered out, or benign"
			 : s->board.covered_pct <= 0
				 ? "no data for this window; see taplossctl status"
				 : "no loss");
		return;
	}
	for (size_t i = 0; i < lines && s->top + i < s->n_items; i++) {
		const struct item *item = &s->items[s->top + i];
		const struct top_model_row *r = &s->board.rows[item->row];

		if (item->heading)
			draw_heading(s, HEAD_LINES + (int)i, r->part);
		else
			draw_row(s, HEAD_LINES + (int)i, r, s->top + i == s->cursor);
	}
}

void draw(struct screen *s)
{
	erase();
	if (s->page.lines) {
		page_draw(s);
	} else if (LINES < 6 || COLS < 20) {
		put_line(0, "too small");
	} else {
		draw_totals(s);
		draw_where(s);
		if (s->where.level == BOARD_BURSTS)
			draw_bursts(s, HEAD_LINES, list_lines());
		else
			draw_list(s);
		if (LINES >= PANE_FROM)
			draw_pane(s, LINES - 1 - PANE_LINES);
		draw_foot(s);
	}
	refresh();
}
