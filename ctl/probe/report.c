/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/probe/receive.h"

static const struct field {
	const char *name;
	size_t offset;
} fields[] = {
#define FIELD(name) { #name, offsetof(struct probe_report, name) }
	FIELD(frames),	    FIELD(repeated),   FIELD(late),	   FIELD(foreign),
	FIELD(ring_frames), FIELD(ring_drops), FIELD(nic_packets), FIELD(nic_dropped),
	FIELD(cpu_ns),	    FIELD(wall_ns),    FIELD(omitted),
};

#define OMITTED (ARRAY_SIZE(fields) - 1)	/* stands behind the gaps */

int report_new(struct probe_report *r)
{
	*r = (struct probe_report){
		.gaps = calloc(WIRE_GAPS + 1, sizeof(*r->gaps)),
		.spots = calloc(WIRE_GAPS, sizeof(*r->spots)),
	};
	if (r->gaps && r->spots)
		return 0;
	report_clear(r);
	return -ENOMEM;
}

void report_clear(struct probe_report *r)
{
	free(r->gaps);
	free(r->spots);
	*r = (struct probe_report){ 0 };
}

/* @n numbers after @word, with one space before each and nothing behind the last. */
static int numbers(const char *line, const char *word, uint64_t *v, size_t n)
{
	size_t len = strlen(word);
	char *end;

	if (strncmp(line, word, len) != 0)
		return -ENOENT;
	line += len;
	for (size_t i = 0; i < n; i++) {
		if (line[0] != ' ' || line[1] < '0' || line[1] > '9')
			return -EBADMSG;
		errno = 0;
		v[i] = strtoull(line + 1, &end, 10);
		if (errno || v[i] > INT64_MAX)
			return -EBADMSG;
		line = end;
	}
	return *line ? -EBADMSG : 0;
}

static int add_gap(struct probe_report *r, const uint64_t *v)
{
	const struct ledger_gap *last = r->n_gaps ? &r->gaps[r->n_gaps - 1] : NULL;

	if (!r->gaps || r->n_gaps == WIRE_GAPS)
		return -EOVERFLOW;
	/* In order, and with a frame in between: else it would be one gap. */
	if (v[0] >= WIRE_MAX_FRAMES || !v[1] || v[1] >= WIRE_MAX_FRAMES ||
	    (last && v[0] <= (uint64_t)last->first + last->count))
		return -EBADMSG;
	r->gaps[r->n_gaps++] =
		(struct ledger_gap){ .first = (uint32_t)v[0], .count = (uint32_t)v[1] };
	return 0;
}

static int add_spot(struct probe_report *r, const uint64_t *v)
{
	if (r->n_spots == WIRE_GAPS)
		return -EOVERFLOW;
	if (v[0] >= WIRE_MAX_FRAMES || v[1] > WIRE_MAX_FRAMES || v[2] > UINT32_MAX)
		return -EBADMSG;
	r->spots[r->n_spots++] = (struct ledger_spot){
		.after = (int64_t)v[0],
		.before = (int64_t)v[1],
		.frames = v[2],
	};
	return 0;
}

int report_line(struct probe_report *r, const char *line)
{
	uint64_t v[3];
	int got;

	if (r->fields == OMITTED) {
		got = numbers(line, "gap", v, 2);
		if (got != -ENOENT)
			return got < 0 ? got : add_gap(r, v);
		got = numbers(line, "ring", v, 3);
		if (got != -ENOENT)
			return got < 0 ? got : add_spot(r, v);
	}
	if (r->fields >= ARRAY_SIZE(fields) || numbers(line, fields[r->fields].name, v, 1) < 0)
		return -EBADMSG;
	memcpy((char *)r + fields[r->fields++].offset, v, sizeof(v[0]));
	return 0;
}

void report_capture(struct probe_report *r, const struct receiver *c)
{
	r->frames = c->frames;
	r->repeated = c->repeated;
	r->late = c->late;
	r->foreign = c->foreign;
	r->ring_frames = c->ring_frames;
	r->ring_drops = c->ring_drops;
	for (uint32_t at = 0, n; (n = receive_gap(c, &at)); at += n) {
		if (r->n_gaps < WIRE_GAPS)
			r->gaps[r->n_gaps++] = (struct ledger_gap){ .first = at, .count = n };
		else
			r->omitted++;
	}
	for (r->n_spots = 0; r->n_spots < c->n_losses; r->n_spots++)
		r->spots[r->n_spots] = (struct ledger_spot){
			.after = c->losses[r->n_spots].after,
			.before = c->losses[r->n_spots].before,
			.frames = c->losses[r->n_spots].frames,
		};
	r->fields = ARRAY_SIZE(fields);
}

int report_end(struct probe_report *r, uint32_t sent, char why[static 128])
{
	uint64_t missing = 0, top = 0;

	if (r->fields != ARRAY_SIZE(fields)) {
		snprintf(why, 128, "it ends before \"%s\"", fields[r->fields].name);
		return -EBADMSG;
	}
	for (size_t i = 0; i < r->n_gaps; i++) {
		missing += r->gaps[i].count;
		top = (uint64_t)r->gaps[i].first + r->gaps[i].count;
	}
	if (r->frames > sent || (!r->omitted && (r->frames + missing > sent || top > sent)) ||
	    (r->n_gaps && !r->frames)) {
		snprintf(why, 128, "%llu frames received and %llu missing, but only %u sent",
			 (unsigned long long)r->frames, (unsigned long long)missing, sent);
		return -EBADMSG;
	}
	if (!r->omitted && r->frames + missing < sent)
		r->gaps[r->n_gaps++] = (struct ledger_gap){
			.first = (uint32_t)(r->frames + missing),
			.count = (uint32_t)(sent - r->frames - missing),
		};
	return 0;
}
