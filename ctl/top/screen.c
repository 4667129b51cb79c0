/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "screen_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/options/filter_options.h"
#include "ctl/options/query.h"
#include "ctl/print/message.h"
#include "ctl/print/when.h"

#define LOOK_NS NSEC_PER_SEC
/* a look that takes long is taken less often: it may be this part of the time */
#define PATIENCE 4
#define ESC 27
#define CONTROL(c) ((c) & 0x1f)

static const uint64_t windows[] = { NSEC_PER_MIN,  5 * NSEC_PER_MIN,  15 * NSEC_PER_MIN,
				    NSEC_PER_HOUR, 6 * NSEC_PER_HOUR, NSEC_PER_DAY };

static volatile sig_atomic_t ended;

static void on_end(int signo)
{
	(void)signo;
	ended = 1;
}

/* The state. */

static size_t n_lines(const struct screen *s)
{
	return s->where.level == BOARD_BURSTS ? s->board.bursts.n : s->n_items;
}

static void remember(struct screen *s)
{
	const struct top_model_row *r = row_at_cursor(s);
	char *key = r ? strdup(r->key) : NULL;

	if (!r)
		return;
	if (!key)
		abort();
	free(s->at_key[s->where.level]);
	s->at_key[s->where.level] = key;
}

/* To where there is something, and into view. */
static void settle(struct screen *s)
{
	size_t n = n_lines(s), lines = list_lines();

	s->cursor = n && s->cursor >= n ? n - 1 : n ? s->cursor : 0;
	if (s->where.level != BOARD_BURSTS && s->cursor < n && s->items[s->cursor].heading)
		s->cursor += s->cursor + 1 < n;
	if (s->cursor < s->top)
		s->top = s->cursor;
	if (s->cursor >= s->top + lines)
		s->top = s->cursor - lines + 1;
	if (s->top && s->top + lines > n)
		s->top = n > lines ? n - lines : 0;
	if (s->cursor == 1 && s->top == 1)
		s->top = 0;	/* the heading above the first row */
}

static void add_item(struct screen *s, bool heading, size_t row)
{
	s->items[s->n_items++] = (struct item){ heading, row };
}

/* The lines of the list from the rows of the board; the cursor stays at its row while that is
 * there. */
static void list_rows(struct screen *s)
{
	const struct top_model *b = &s->board;
	const char *at_key = s->at_key[s->where.level];
	int part = PART_HARM;

	top_model_sort(&s->board, s->order, s->upwards);
	free(s->items);
	s->items = calloc(b->n + BOARD_PARTS, sizeof(*s->items));
	if (!s->items)
		abort();
	s->n_items = 0;
	for (size_t i = 0; i < b->n; i++) {
		const struct top_model_row *r = &b->rows[i];

		if (!top_model_matches(r, s->filter) || (s->no_benign && r->part == PART_BENIGN))
			continue;
		if ((int)r->part != part)
			add_item(s, true, i);
		part = r->part;
		if (at_key && !strcmp(r->key, at_key))
			s->cursor = s->n_items;
		add_item(s, false, i);
	}
	settle(s);
}

/* Looks at the store. What cannot be read now stays as it was, and why is shown. */
static bool look(struct screen *s)
{
	struct top_model_ask ask = {
		.now_ns = now_ns(),
		.span_ns = s->span_ns,
		.where = s->where,
		.filter = s->o->filter,
		.quiet = s->quiet,
	};
	struct reader *v;
	struct top_model b;

	*s->said = '\0';
	v = query_begin(s->o->g->store);
	if (!v)
		return false;
	if (filter_resolve(s->o->filter, v) < 0 || top_model_make(v, &ask, &b) < 0) {
		query_end(v);
		return false;
	}
	top_model_free(&s->board);
	reader_free(s->v);
	s->v = v;
	s->board = b;
	list_rows(s);
	return true;
}

/* Keys. */

static void move_by(struct screen *s, long n)
{
	long at = (long)s->cursor + n, last = (long)n_lines(s) - 1;

	at = at > last ? last : at;
	at = at < 0 ? 0 : at;
	if (s->where.level != BOARD_BURSTS && at <= last && s->items[at].heading)
		at += n < 0 && at > 0 ? -1 : at < last;
	s->cursor = (size_t)at;
	remember(s);
	settle(s);
}

static void go_in(struct screen *s)
{
	const struct top_model_row *r = row_at_cursor(s);

	remember(s);
	if (!r || !top_model_enter(&s->where, r))
		return;
	memset(s->filter, 0, sizeof(s->filter));
	free(s->at_key[s->where.level]);
	s->at_key[s->where.level] = NULL;
	s->cursor = s->top = 0;
	look(s);
}

/* The cursor is at what one went into. */
static void go_out(struct screen *s)
{
	if (*s->filter) {
		memset(s->filter, 0, sizeof(s->filter));
		list_rows(s);
	} else if (top_model_leave(&s->where)) {
		s->cursor = s->top = 0;
		look(s);
	}
}

static void change_window(struct screen *s, bool longer)
{
	size_t i = 0;

	if (longer) {
		while (i + 1 < ARRAY_SIZE(windows) && windows[i] <= s->span_ns)
			i++;
	} else {
		i = ARRAY_SIZE(windows) - 1;
		while (i && windows[i] >= s->span_ns)
			i--;
	}
	s->span_ns = windows[i];
	look(s);
}

static void change_order(struct screen *s, int by)
{
	s->order = (enum top_model_order)(((int)s->order + by + BOARD_ORDERS) % BOARD_ORDERS);
	list_rows(s);
}

static void type_key(struct screen *s, int key)
{
	size_t n = strlen(s->filter);

	if (key == ESC || key == CONTROL('u'))
		memset(s->filter, 0, sizeof(s->filter));
	if (key == ESC || key == '\n' || key == '\r' || key == KEY_ENTER)
		s->typing = false;
	else if ((key == KEY_BACKSPACE || key == 127 || key == CONTROL('h')) && n)
		do	/* all bytes of a character */
			s->filter[--n] = '\0';
		while (n && (s->filter[n - 1] & 0x80) && (s->filter[n] & 0xc0) == 0x80);
	else if (key >= ' ' && key < 256 && key != 127 && n + 1 < sizeof(s->filter))
		s->filter[n] = (char)key;
	list_rows(s);
}

static void diagnose(struct screen *s)
{
	const struct top_model_row *r = row_at_cursor(s);
	const struct reader_vm *vm = r ? r->vm : reader_vm(s->v, s->where.vm_id);

	if (vm)
		page_diagnosis(s, vm);
	else
		snprintf(s->said, sizeof(s->said), "this device belongs to no VM");
}

/* Moving. False: another key. */
static bool move_key(struct screen *s, int key)
{
	switch (key) {
	case KEY_UP: case 'k': case CONTROL('p'):
		move_by(s, -1);
		return true;
	case KEY_DOWN: case 'j': case CONTROL('n'):
		move_by(s, 1);
		return true;
	case KEY_PPAGE: case 'b': case CONTROL('b'):
		move_by(s, -(long)list_lines());
		return true;
	case KEY_NPAGE: case ' ': case CONTROL('f'):
		move_by(s, (long)list_lines());
		return true;
	case KEY_HOME: case 'g':
		move_by(s, -(long)n_lines(s));
		return true;
	case KEY_END: case 'G':
		move_by(s, (long)n_lines(s));
		return true;
	case '\n': case '\r': case KEY_ENTER: case KEY_RIGHT: case 'l':
		go_in(s);
		return true;
	case ESC: case KEY_LEFT: case KEY_BACKSPACE: case 127: case CONTROL('h'):
		go_out(s);
		return true;
	default:
		return false;
	}
}

/* False: the user quits. */
static bool command_key(struct screen *s, int key)
{
	switch (key) {
	case 'q': case 'Q': case KEY_F(10):
		return false;
	case '/': case '\\': case KEY_F(3): case KEY_F(4):
		s->typing = s->where.level != BOARD_BURSTS;
		break;
	case '>': case KEY_F(6):
		change_order(s, 1);
		break;
	case '<':
		change_order(s, -1);
		break;
	case 'I':
		s->upwards = !s->upwards;
		list_rows(s);
		break;
	case 'w': case '+':
		change_window(s, true);
		break;
	case 'W': case '-':
		change_window(s, false);
		break;
	case 'B':
		s->no_benign = !s->no_benign;
		list_rows(s);
		break;
	case 'a':
		s->quiet = !s->quiet;
		look(s);
		break;
	case 'p':
		s->frozen = !s->frozen;
		break;
	case 'd': case KEY_F(2):
		diagnose(s);
		break;
	case 'h': case '?': case KEY_F(1):
		page_help(&s->page);
		break;
	case CONTROL('l'): case KEY_F(5):
		clear();
		look(s);
		break;
	case KEY_RESIZE:
		settle(s);
		break;
	}
	return true;
}

static bool on_key(struct screen *s, int key)
{
	if (s->page.lines) {
		page_key(s, key);
		return true;
	}
	if (s->typing && key != KEY_RESIZE) {
		type_key(s, key);
		return true;
	}
	return move_key(s, key) || command_key(s, key);
}

/* The loop. */

/* Keys until it is time for another look. False: the user quits. */
static bool keys(struct screen *s, uint64_t until)
{
	for (;;) {
		uint64_t now = now_ns();
		int key;

		draw(s);
		timeout(until > now ? (int)((until - now) / NSEC_PER_MSEC) + 1 : 0);
		key = getch();
		if (ended || (key != ERR && !on_key(s, key)))
			return false;
		if (key == ERR && now_ns() >= until)
			return true;
	}
}

static void loop(struct screen *s)
{
	uint64_t took = 0, began;

	while (keys(s, now_ns() + (took * PATIENCE > LOOK_NS ? took * PATIENCE : LOOK_NS))) {
		began = now_ns();
		if (!s->frozen && !s->page.lines)
			look(s);
		took = now_ns() - began;
	}
}

static int show(struct screen *s)
{
	struct sigaction end = { .sa_handler = on_end };
	SCREEN *terminal;

	set_escdelay(50);
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		message_error("top: this terminal cannot show full-screen output; use --once");
		return EXIT_FAILED;
	}
	message_redirect(s->said, sizeof(s->said));
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGHUP, &end, NULL);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, true);
	curs_set(0);
	paints_init(s);
	loop(s);
	endwin();
	delscreen(terminal);
	message_redirect(NULL, 0);
	return EXIT_OK;
}

int screen_run(const struct screen_options *o)
{
	struct screen s = { .o = o, .span_ns = o->span_ns };
	int status = EXIT_FAILED;

	if (look(&s))
		status = show(&s);
	page_free(&s.page);
	free(s.items);
	for (size_t i = 0; i < ARRAY_SIZE(s.at_key); i++)
		free(s.at_key[i]);
	top_model_free(&s.board);
	reader_free(s.v);
	return status;
}
