/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model - what top shows: the loss of the last minutes as rows, by VM, by the NICs of one, by the queues of a NIC, or burst by burst. Knows
 * nothing of terminals.
 *
 * Harmful loss, loss on the way to the tap, benign loss and masked loss are rows apart, in this order, and never one sum. */
#ifndef TAPLOSS_CTL_TOP_MODEL_H
#define TAPLOSS_CTL_TOP_MODEL_H

#include "ctl/query/bursts.h"
#include "ctl/query/split.h"

enum board_level { BOARD_VMS, BOARD_NICS, BOARD_QUEUES, BOARD_BURSTS };
enum board_part { PART_HARM, PART_PATH, PART_BENIGN, PART_MASKED, PART_QUIET };		/* QUIET: loses nothing */
#define BOARD_PARTS 5
enum board_order { ORDER_NOW, ORDER_PCT, ORDER_FRAMES, ORDER_BURSTS, ORDER_NAME, ORDER_STATE, ORDER_CLASS };
#define BOARD_ORDERS 7

/* Where one has gone into; what lies below the level does not matter. */
struct board_where {
	enum board_level level;
	int64_t vm_id;			/* 0: a device that is nobody's, which is @nic */
	char nic[64], direction[4], class[32];
	int queue;
};

struct board_ask {
	uint64_t now_ns, span_ns;
	struct board_where where;
	const struct filter *filter;	/* resolved */
	bool quiet;			/* also VMs that lose nothing */
};

struct board_row {
	char *key;			/* the same at every look */
	enum board_part part;
	const struct view_vm *vm;	/* NULL: nobody's */
	const struct view_series *series;	/* that lost most of it; NULL: it lost nothing */
	const char *nic;		/* NULL: not known */
	unsigned int classes;		/* of loss in it */
	uint64_t now;			/* frames/s over the last seconds */
	uint64_t frames;
	double pct;			/* of all that came there; of a queue: of the NIC's loss. Negative: not known */
	uint64_t bursts, longest_ns;
	uint64_t *cells;		/* n_cells: frames */
	uint64_t *marks;		/* n_cells: bursts that began */
};

struct board {
	struct view *v;			/* borrowed: as long as the board is used */
	uint64_t since_ns, until_ns, step_ns;	/* of the cells; since_ns is a multiple of step_ns */
	size_t n_cells;
	bool *observed;			/* n_cells */
	double covered_pct;
	struct board_row *rows;
	size_t n;
	struct bursts bursts;		/* BOARD_BURSTS: these instead of rows */
	uint64_t now[BOARD_PARTS], frames[BOARD_PARTS];	/* of all rows; of each part */
};

/* 0, or -errno after saying why. */
int board_make(struct view *v, const struct board_ask *ask, struct board *ret);
void board_free(struct board *b);

/* By part, then as asked; of equals, those that lost more come first, then by name. */
void board_sort(struct board *b, enum board_order order, bool upwards);

/* Is @text part of the row's words (VM, UUID, NIC, class, reason, state, place), large or small letters alike? "" is. */
bool board_matches(const struct board_row *r, const char *text);

/* One level further in. False: there is none, or the row has nothing below it. */
bool board_enter(struct board_where *w, const struct board_row *r);

/* One level out. False: it is the first one. */
bool board_leave(struct board_where *w);

/* @cells put together to at most @width; how many these are, and the steps in each (*ret_k). Boundaries stand still while time goes on.
 * @seen may be NULL; else which of them were observed. */
size_t board_fold(const struct board *b, const uint64_t *cells, size_t width, uint64_t *out, bool *seen, size_t *ret_k);

#endif
