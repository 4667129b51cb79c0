/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model - what top shows: the loss of the last minutes as rows, by VM, by the NICs of one, by the
 * queues of a NIC, or burst by burst. Knows nothing of terminals.
 *
 * Harmful loss, loss on the way to the tap, benign loss and masked loss are rows apart, in this
 * order, and never one sum. */
#ifndef TAPLOSS_CTL_TOP_MODEL_H
#define TAPLOSS_CTL_TOP_MODEL_H

#include "ctl/query/bursts.h"
#include "ctl/query/filter.h"

enum top_model_level { BOARD_VMS, BOARD_NICS, BOARD_QUEUES, BOARD_BURSTS };
/* QUIET: loses nothing */
enum top_model_part { PART_HARM, PART_PATH, PART_BENIGN, PART_MASKED, PART_QUIET };
#define BOARD_PARTS 5
enum top_model_order {
	ORDER_NOW,
	ORDER_PCT,
	ORDER_FRAMES,
	ORDER_BURSTS,
	ORDER_NAME,
	ORDER_STATE,
	ORDER_CLASS
};
#define BOARD_ORDERS 7

/* Where one has gone into; what lies below the level does not matter. */
struct top_model_where {
	enum top_model_level level;
	int64_t vm_id;			/* 0: a device that is nobody's, which is @nic */
	char nic[64], direction[4], class[32];
	int queue;
};

struct top_model_ask {
	uint64_t now_ns, span_ns;
	struct top_model_where where;
	const struct filter *filter;	/* resolved */
	bool quiet;			/* also VMs that lose nothing */
};

struct top_model_row {
	char *key;			/* the same at every look */
	enum top_model_part part;
	const struct reader_vm *vm;	/* NULL: nobody's */
	const struct reader_series *series;	/* that lost most of it; NULL: it lost nothing */
	const char *nic;		/* NULL: not known */
	unsigned int classes;		/* of loss in it */
	uint64_t now;			/* frames/s over the last seconds */
	uint64_t frames;
	/* of all that came there; of a queue: of the NIC's loss. Negative: not known */
	double pct;
	uint64_t bursts, longest_ns;
	uint64_t *cells;		/* n_cells: frames */
	uint64_t *marks;		/* n_cells: bursts that began */
};

struct top_model {
	struct reader *v;			/* borrowed: as long as the board is used */
	/* of the cells; since_ns is a multiple of step_ns */
	uint64_t since_ns, until_ns, step_ns;
	size_t n_cells;
	bool *observed;			/* n_cells */
	double covered_pct;
	struct top_model_row *rows;
	size_t n;
	struct bursts bursts;		/* BOARD_BURSTS: these instead of rows */
	uint64_t now[BOARD_PARTS], frames[BOARD_PARTS];	/* of all rows; of each part */
};

/* 0, or -errno and reader_error(). */
int top_model_make(struct reader *v, const struct top_model_ask *ask, struct top_model *ret);
void top_model_free(struct top_model *b);

/* By part, then as asked; of equals, those that lost more come first, then by name. */
void top_model_sort(struct top_model *b, enum top_model_order order, bool upwards);

/* Is @text part of the row's words (VM, UUID, NIC, class, reason, state, place), large or small
 * letters alike? "" is. */
bool top_model_matches(const struct top_model_row *r, const char *text);

/* One level further in. False: there is none, or the row has nothing below it. */
bool top_model_enter(struct top_model_where *w, const struct top_model_row *r);

/* One level out. False: it is the first one. */
bool top_model_leave(struct top_model_where *w);

/* @cells put together to at most @width; how many these are, and the steps in each (*ret_k).
 * Boundaries stand still while time goes on.
 * @seen may be NULL; else which of them were observed. */
size_t top_model_fold(const struct top_model *b, const uint64_t *cells, size_t width, uint64_t *out,
		      bool *seen, size_t *ret_k);

#endif
