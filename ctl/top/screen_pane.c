/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "screen_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/print/chart.h"
#include "ctl/print/text.h"

#define MAX_WIDTH 512

const struct top_model_row *row_at_cursor(const struct screen *s)
{
	if (s->where.level == BOARD_BURSTS || s->cursor >= s->n_items ||
	    s->items[s->cursor].heading)
		return NULL;
	return &s->board.rows[s->items[s->cursor].row];
}

static void title_of(const struct top_model_row *r, char *buf, size_t size)
{
	_cleanup_(freep) char *name = text_short(r->vm ? r->vm->name : "-", 24),
			      *nic = text_short(r->nic ? r->nic : "-", 16);
	const struct reader_series *s = r->series;
	_cleanup_(freep) char *place = s && s->place ? text_short(s->place, 24) : NULL;
	char longest[32], bursts[32];
	size_t n;

	if (!s) {
		snprintf(buf, size, "%s: no loss", name);
		return;
	}
	n = (size_t)snprintf(buf, size, "%s %s %s: %s %s (%s)", name, nic, s->direction, s->class,
			     s->reason, s->kind);
	if (place && n < size)
		n += (size_t)snprintf(buf + n, size - n, " at %s", place);
	if (r->bursts && n < size)
		snprintf(buf + n, size - n, "; %s bursts, longest %s",
			 text_count(bursts, r->bursts), short_span(longest, r->longest_ns));
}

/* Below the chart: how many bursts began in each cell, up to 9, then +. */
static void marks_text(const struct top_model *b, const struct top_model_row *r, char *buf)
{
	uint64_t marks[MAX_WIDTH];
	size_t k, n = top_model_fold(b, r->marks,
				     (size_t)COLS < MAX_WIDTH ? (size_t)COLS : MAX_WIDTH - 1, marks,
				     NULL, &k);

	for (size_t i = 0; i < n; i++)
		buf[i] = marks[i] > 9 ? '+' : marks[i] ? (char)('0' + marks[i]) : ' ';
	buf[n] = '\0';
}

void draw_pane(const struct screen *s, int y)
{
	const struct top_model_row *r = row_at_cursor(s);
	uint64_t cells[MAX_WIDTH], max = 0, k_ns;
	_cleanup_(freep) char *chart = NULL, *axis = NULL;
	char text[MAX_WIDTH * 2];
	bool seen[MAX_WIDTH];
	size_t k, n;

	if (!r)
		return;
	title_of(r, text, sizeof(text));
	attrset(A_BOLD);
	put_line(y, text);
	attrset(A_NORMAL);
	n = top_model_fold(&s->board, r->cells,
			   (size_t)COLS < MAX_WIDTH ? (size_t)COLS : MAX_WIDTH - 1, cells, seen,
			   &k);
	for (size_t i = 0; i < n; i++)
		max = cells[i] > max ? cells[i] : max;
	chart = chart_text(cells, seen, n, max);
	put_line(y + 1, chart);
	marks_text(&s->board, r, text);
	put_line(y + 2, text);
	k_ns = k * s->board.step_ns;
	axis = chart_axis_text(s->board.since_ns - s->board.since_ns % k_ns, k_ns, n);
	put_line(y + 3, axis);
}
