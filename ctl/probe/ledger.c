/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int ledger_add(struct ledger *l, const char *place, const char *what, uint64_t frames)
{
	struct ledger_entry *e;

	for (size_t i = 0; i < l->n; i++) {
		e = &l->entries[i];
		if (!strcmp(e->place, place) && !strcmp(e->what, what)) {
			e->frames += frames;
			return (int)i;
		}
	}
	if (l->n == LEDGER_ENTRIES)
		return -ENOSPC;
	e = &l->entries[l->n];
	snprintf(e->place, sizeof(e->place), "%s", place);
	snprintf(e->what, sizeof(e->what), "%s", what);
	e->frames = frames;
	return (int)l->n++;
}

bool ledger_balance(struct ledger *l)
{
	l->unaccounted = (int64_t)(l->sent - l->captured);
	for (size_t i = 0; i < l->n; i++)
		l->unaccounted -= (int64_t)l->entries[i].frames;
	return l->unaccounted == 0;
}

static uint64_t open_frames(const struct ledger_gap *g)
{
	uint64_t explained = 0;

	for (size_t i = 0; i < g->n_parts; i++)
		explained += g->parts[i].frames;
	return g->count - explained;
}

/* Takes as much of @have and @budget as the gap still needs. */
static void take(struct ledger_gap *g, size_t entry, uint64_t *have, uint64_t *budget,
		 enum ledger_how how)
{
	uint64_t n = open_frames(g);

	n = n < *have ? n : *have;
	n = n < *budget ? n : *budget;
	if (!n)
		return;
	*have -= n;
	if (have != budget)
		*budget -= n;
	for (size_t i = 0; i < g->n_parts; i++) {
		if (g->parts[i].entry == entry && g->parts[i].how == how) {
			g->parts[i].frames += n;
			return;
		}
	}
	if (g->n_parts == LEDGER_PARTS)
		g->parts[LEDGER_PARTS - 1].frames += n;
	else
		g->parts[g->n_parts++] = (struct ledger_part){ entry, n, how };
}

static void by_position(struct ledger_gap *g, struct ledger_spot *spots, size_t n, size_t *at,
			uint64_t *budget)
{
	int64_t last = (int64_t)g->first + g->count - 1;

	while (*at < n && (spots[*at].before <= (int64_t)g->first || !spots[*at].frames))
		++*at;
	for (size_t i = *at; i < n && spots[i].after < last; i++)
		take(g, spots[i].entry, &spots[i].frames, &budget[spots[i].entry], BY_POSITION);
}

static void by_time(struct ledger_gap *g, struct ledger_burst *bursts, size_t n, uint64_t slack_ns,
		    uint64_t *budget)
{
	for (size_t i = 0; i < n; i++)
		if (bursts[i].frames && bursts[i].from_ns <= g->to_ns + slack_ns &&
		    bursts[i].to_ns + slack_ns >= g->from_ns)
			take(g, bursts[i].entry, &bursts[i].frames, &budget[bursts[i].entry],
			     BY_TIME);
}

void ledger_explain(const struct ledger *l, struct ledger_gap *gaps, size_t n_gaps,
		    struct ledger_spot *spots, size_t n_spots, struct ledger_burst *bursts,
		    size_t n_bursts, uint64_t slack_ns)
{
	uint64_t budget[LEDGER_ENTRIES + 1] = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < l->n; i++)
		budget[i] = l->entries[i].frames;
	budget[LEDGER_ENTRIES] = UINT64_MAX;
	for (size_t i = 0; i < n_gaps; i++)
		by_position(&gaps[i], spots, n_spots, &at, budget);
	for (size_t i = 0; i < n_gaps; i++)
		if (open_frames(&gaps[i]))
			by_time(&gaps[i], bursts, n_bursts, slack_ns, budget);
	for (size_t i = 0; i < n_gaps; i++) {
		for (size_t k = 0; k < l->n && open_frames(&gaps[i]); k++)
			take(&gaps[i], k, &budget[k], &budget[k], BY_TOTAL);
		take(&gaps[i], LEDGER_ENTRIES, &budget[LEDGER_ENTRIES], &budget[LEDGER_ENTRIES],
		     BY_TOTAL);
	}
}
