/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "screen_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "collector/base.h"
#include "ctl/print/text.h"

void paints_init(struct screen *s)
{
	static const short colors[] = { [PAINT_HARM] = COLOR_RED,
					[PAINT_PATH] = COLOR_YELLOW,
					[PAINT_BENIGN] = COLOR_CYAN,
					[PAINT_WARN] = COLOR_RED };

	s->colors =
		s->o->g->color && has_colors() && start_color() == OK && use_default_colors() == OK;
	for (short i = PAINT_HARM; s->colors && i <= PAINT_WARN; i++)
		init_pair(i, colors[i], -1);
}

attr_t paint_of(const struct screen *s, enum paint paint)
{
	switch (paint) {
	case PAINT_PLAIN:
		return A_NORMAL;
	case PAINT_HEAD:
		return A_REVERSE;
	case PAINT_HARM:
	case PAINT_WARN:
		return A_BOLD | (s->colors ? COLOR_PAIR(paint) : 0);
	default:
		return s->colors ? COLOR_PAIR(paint) : A_NORMAL;
	}
}

/* In wide characters; bytes that are none in this locale are question marks. */
static wchar_t *widen(const char *text)
{
	size_t n = strlen(text), at = 0;
	wchar_t *wide = calloc(n + 1, sizeof(*wide));
	mbstate_t state = { 0 };

	if (!wide)
		abort();
	while (*text) {
		size_t len = mbrtowc(&wide[at], text, strlen(text), &state);

		if (len == (size_t)-1 || len == (size_t)-2) {
			wide[at] = L'?';
			state = (mbstate_t){ 0 };
			len = 1;
		}
		at++;
		text += len;
	}
	wide[at] = L'\0';
	return wide;
}

/* How many characters fit @width columns; these have *ret_columns. */
static int fitting(const wchar_t *wide, int width, int *ret_columns)
{
	int n = 0, columns = 0;

	for (; wide[n]; n++) {
		int w = wcwidth(wide[n]);

		if (w < 0 || columns + w > width)
			break;
		columns += w;
	}
	*ret_columns = columns;
	return n;
}

static int put_at(int y, int x, int width, const char *text, bool right)
{
	_cleanup_(freep) wchar_t *wide = widen(text);
	int n, columns;

	if (width <= 0 || y >= LINES || x >= COLS)
		return x;
	width = x + width > COLS ? COLS - x : width;
	n = fitting(wide, width, &columns);
	mvhline(y, x, ' ' | (getattrs(stdscr) & A_ATTRIBUTES & ~A_CHARTEXT), width);
	mvaddnwstr(y, right ? x + width - columns : x, wide, n);
	return x + width;
}

int put(int y, int x, int width, const char *text)
{
	return put_at(y, x, width, text, false);
}

int put_right(int y, int x, int width, const char *text)
{
	return put_at(y, x, width, text, true);
}

void put_line(int y, const char *text)
{
	put_at(y, 0, COLS, text, false);
}

char *short_count(char buf[static 32], uint64_t n, int width)
{
	static const char units[] = "kMGTPE";
	double v = (double)n;

	text_count(buf, n);
	for (size_t i = 0; units[i] && (int)strlen(buf) > width; i++) {
		v /= 1000;
		snprintf(buf, 32, v < 100 ? "%.1f%c" : "%.0f%c", v, units[i]);
	}
	return buf;
}

char *short_span(char buf[static 32], uint64_t ns)
{
	double ms = (double)ns / (double)NSEC_PER_MSEC;

	if (ms < 100)
		snprintf(buf, 32, ms < 10 ? "%.2fms" : "%.1fms", ms);
	else if (ms < 1000)
		snprintf(buf, 32, "%.0fms", ms);
	else if (ms < 120000)
		snprintf(buf, 32, "%.1fs", ms / 1000);
	else
		snprintf(buf, 32, "%.0fmin", ms / 60000);
	return buf;
}
