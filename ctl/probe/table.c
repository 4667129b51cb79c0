/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"

#define BAR 50
#define MAX_ROUNDS 64

static const struct column columns[] = {
	{ "pps", "ASKED", COL_COUNT },
	{ "ring", "RING", COL_TEXT },
	{ "rounds", "ROUNDS", COL_COUNT },
	{ "sent_pps", "SENT/s", COL_COUNT },
	{ "captured_pps", "CAPTURED/s", COL_COUNT },
	{ "loss_pct", "LOSS", COL_PERCENT },
	{ "ring_loss_pct", "IN THE RING", COL_PERCENT },
	{ "guest_cpu_pct", "GUEST BUSY", COL_PERCENT },
	{ "guest_cpu_ns_per_frame", "CPU ns/FRAME", COL_COUNT },
};

/* What is measured of one rate and ring in all rounds. */
struct rounds {
	double sent[MAX_ROUNDS], captured[MAX_ROUNDS], loss[MAX_ROUNDS], ring[MAX_ROUNDS],
		busy[MAX_ROUNDS], cost[MAX_ROUNDS];
	size_t n;
};

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static double lost_in_ring(const json_t *step)
{
	const json_t *e;
	double frames = 0;
	size_t i;

	json_array_foreach(json_object_get(step, "ledger"), i, e) {
		const char *place = json_string_value(json_object_get(e, "place"));

		if (place && (!strcmp(place, "guest-ring") || !strcmp(place, "host-ring")))
			frames += number(e, "frames");
	}
	return frames;
}

static bool alike(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "pps"), json_object_get(b, "pps")) &&
	       json_equal(json_object_get(a, "ring"), json_object_get(b, "ring"));
}

static void add(struct rounds *r, const json_t *step)
{
	double sent = number(step, "sent_frames"), captured = number(step, "captured_frames");

	if (r->n == MAX_ROUNDS)
		return;
	r->sent[r->n] = number(step, "sent_pps");
	r->captured[r->n] = number(step, "captured_pps");
	r->loss[r->n] = number(step, "loss_pct");
	r->ring[r->n] = sent > 0 ? 100 * lost_in_ring(step) / sent : 0;
	r->busy[r->n] = number(step, "guest_cpu_pct");
	r->cost[r->n++] = captured > 0 ? number(step, "guest_cpu_ns") / captured : 0;
}

static json_t *row(const json_t *steps, const json_t *like)
{
	struct rounds r = { .n = 0 };
	const json_t *step;
	size_t i;

	json_array_foreach(steps, i, step)
		if (alike(step, like))
			add(&r, step);
	return json_pack("{sOsOsIsIsIsfsfsfsI}", "pps", json_object_get(like, "pps"), "ring",
			 json_object_get(like, "ring"), "rounds", (json_int_t)r.n, "sent_pps",
			 (json_int_t)median(r.sent, r.n), "captured_pps",
			 (json_int_t)median(r.captured, r.n), "loss_pct", median(r.loss, r.n),
			 "ring_loss_pct", median(r.ring, r.n), "guest_cpu_pct", median(r.busy, r.n),
			 "guest_cpu_ns_per_frame", (json_int_t)median(r.cost, r.n));
}

static bool listed(const json_t *table, const json_t *step)
{
	const json_t *known;
	size_t i;

	json_array_foreach(table, i, known)
		if (alike(known, step))
			return true;
	return false;
}

static int by_rate_and_ring(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	json_int_t p = json_integer_value(json_object_get(x, "pps")),
		   q = json_integer_value(json_object_get(y, "pps"));

	if (p != q)	/* 0: as fast as it goes, so the last */
		return (p == 0) != (q == 0) ? (p == 0) - (q == 0) : (p > q) - (p < q);
	return strcmp(json_string_value(json_object_get(x, "ring")),
		      json_string_value(json_object_get(y, "ring")));
}

json_t *probe_table(const json_t *steps)
{
	json_t *rows[256], *table = json_array();
	const json_t *step;
	size_t i, n = 0;

	json_array_foreach(steps, i, step)
		if (!listed(table, step) && n < ARRAY_SIZE(rows)) {
			rows[n] = row(steps, step);
			json_array_append(table, rows[n++]);
		}
	json_array_clear(table);
	qsort(rows, n, sizeof(*rows), by_rate_and_ring);
	for (i = 0; i < n; i++)
		json_array_append_new(table, rows[i]);
	return table;
}

static void print_rate(const json_t *row)
{
	char n[32];

	if (number(row, "pps") > 0)
		printf("%12s/s", text_count(n, (unsigned long long)number(row, "pps")));
	else
		printf("%14s", "maximum rate");
}

static void print_bars(const json_t *table)
{
	const json_t *row;
	double most = 1;
	char n[32];
	size_t i;

	json_array_foreach(table, i, row)
		most = number(row, "captured_pps") > most ? number(row, "captured_pps") : most;
	puts("\ncaptured, frames per second");
	json_array_foreach(table, i, row) {
		print_rate(row);
		printf(" %s %-*.*s %s\n", json_string_value(json_object_get(row, "ring")), BAR,
		       (int)(number(row, "captured_pps") / most * BAR),
		       "##################################################",
		       text_count(n, (unsigned long long)number(row, "captured_pps")));
	}
}

static void compare(const json_t *v3, const json_t *other)
{
	double was = number(other, "captured_pps"), cost = number(v3, "guest_cpu_ns_per_frame");
	char a[32], b[32], c[32], d[32];

	print_rate(v3);
	printf(" V3 against %s: captured %+.0f %%, loss %s -> %s, guest busy %s -> %s, CPU per "
	       "frame %.2f times less\n",
	       json_string_value(json_object_get(other, "ring")),
	       was > 0 ? 100 * (number(v3, "captured_pps") - was) / was : 0,
	       text_percent(a, number(other, "loss_pct")), text_percent(b, number(v3, "loss_pct")),
	       text_percent(c, number(other, "guest_cpu_pct")),
	       text_percent(d, number(v3, "guest_cpu_pct")),
	       cost > 0 ? number(other, "guest_cpu_ns_per_frame") / cost : 0);
}

static bool is_v3(const json_t *row)
{
	return !strcmp(json_string_value(json_object_get(row, "ring")), "V3");
}

void probe_table_print(const struct global *g, const json_t *table)
{
	const json_t *v3, *other;
	size_t i, k;

	putchar('\n');
	out_table(g, columns, ARRAY_SIZE(columns), table);
	print_bars(table);
	putchar('\n');
	json_array_foreach(table, i, v3)
		json_array_foreach(table, k, other)
			if (is_v3(v3) && !is_v3(other) &&
			    json_equal(json_object_get(v3, "pps"), json_object_get(other, "pps")))
				compare(v3, other);
}
