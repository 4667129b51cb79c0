/* SPDX-License-Identifier: GPL-2.0-or-later */
/* screen_priv - what the files of the screen share. screen.c has its state and the keys,
 * screen_draw.c the lists, screen_pane.c what is said of the row at the cursor, screen_page.c the
 * pages of text, screen_put.c text in a place. */
#ifndef TAPLOSS_CTL_TOP_SCREEN_PRIV_H
#define TAPLOSS_CTL_TOP_SCREEN_PRIV_H

#define NCURSES_WIDECHAR 1
#include <curses.h>

#include "model.h"
#include "screen.h"

/* above the list: two of totals, where one is, the columns' names */
#define HEAD_LINES 4
#define PANE_LINES 4
#define PANE_FROM 18		/* lines that a terminal needs to have the pane, too */

/* A page of text in place of the list: help, a diagnosis. No lines: there is none. */
struct page {
	char **lines;
	size_t n, at;
	const char *title;
};

/* A line of the list. */
struct item {
	bool heading;		/* of a part; the cursor passes it over */
	size_t row;		/* of the board */
};

struct screen {
	const struct screen_options *o;
	struct reader *v;
	struct top_model board;
	struct top_model_where where;
	enum top_model_order order;
	bool upwards;
	bool quiet, no_benign, frozen;
	uint64_t span_ns;
	char filter[64];
	bool typing;		/* the filter is being typed */
	struct item *items;
	size_t n_items, cursor, top;
	char *at_key[BOARD_BURSTS + 1];	/* by level: the row that the cursor is at */
	char said[512];		/* what went wrong; "": nothing */
	struct page page;
	bool colors;
};

/* Attributes by meaning: what they are depends on the terminal. */
enum paint { PAINT_PLAIN, PAINT_HEAD, PAINT_HARM, PAINT_PATH, PAINT_BENIGN, PAINT_WARN };
attr_t paint_of(const struct screen *s, enum paint paint);
void paints_init(struct screen *s);

/* @text, which may be in any character set and of any length, in @width columns from @x on; what is
 * left is blanks. Returns @x + @width. */
int put(int y, int x, int width, const char *text);
int put_right(int y, int x, int width, const char *text);
void put_line(int y, const char *text);			/* the whole line */

/* A number in @width columns: "1,234,567", "12.3M". */
char *short_count(char buf[static 32], uint64_t n, int width);
char *short_span(char buf[static 32], uint64_t ns);	/* "41.3ms", "12.0s", "3min" */

size_t list_lines(void);		/* that fit */
void draw(struct screen *s);
void draw_pane(const struct screen *s, int y);
const struct top_model_row *row_at_cursor(const struct screen *s);		/* NULL: none */

extern const char *const order_names[BOARD_ORDERS];

void page_help(struct page *p);
/* What diagnose says of the VM, by another process of this program. */
void page_diagnosis(struct screen *s, const struct reader_vm *vm);
void page_free(struct page *p);
void page_draw(struct screen *s);
bool page_key(struct screen *s, int key);	/* false: the page is left */

#endif
