/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "table.h"

#define SHOWN_GAPS 20
#define BAR 40

static const struct column list_columns[] = {
	{ "id", "PROBE", COL_NUMBER },
	{ "since_ns", "WHEN", COL_TIME },
	{ "kind", "KIND", COL_TEXT },
	{ "direction", "DIR", COL_TEXT },
	{ "target", "WHERE", COL_NAME },
	{ "state", "STATE", COL_TEXT },
	{ "accel", "GUEST", COL_TEXT },
	{ "sent_frames", "SENT", COL_COUNT },
	{ "captured_frames", "CAPTURED", COL_COUNT },
	{ "lost_frames", "LOST", COL_COUNT },
	{ "unaccounted_frames", "UNACCOUNTED", COL_COUNT },
};

static const struct column gap_columns[] = {
	{ "step", "STEP", COL_NUMBER },	   { "first", "FIRST", COL_NUMBER },
	{ "last", "LAST", COL_NUMBER },	   { "from_ns", "SENT", COL_TIME },
	{ "frames", "FRAMES", COL_COUNT }, { "place", "LOST AT", COL_TEXT },
	{ "what", "BY", COL_TEXT },	   { "how", "KNOWN BY", COL_TEXT },
};

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static json_int_t int_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void print_ledger(const json_t *step)
{
	const json_t *e;
	char n[32];
	size_t i;

	printf("  %14s sent\n", text_count(n, (unsigned long long)int_of(step, "sent_frames")));
	printf("  %14s captured\n",
	       text_count(n, (unsigned long long)int_of(step, "captured_frames")));
	json_array_foreach(json_object_get(step, "ledger"), i, e)
		printf("  %14s lost: %s %s\n",
		       text_count(n, (unsigned long long)int_of(e, "frames")), text_of(e, "place"),
		       text_of(e, "what"));
	printf("  %14lld unaccounted\n", (long long)int_of(step, "unaccounted_frames"));
}

static void print_step(const json_t *step)
{
	char n[32], pct[32];

	printf("\nstep %lld: %s frames/s, ring %s, ", (long long)int_of(step, "step"),
	       text_count(n, (unsigned long long)int_of(step, "sent_pps")), text_of(step, "ring"));
	printf("loss %s, ",
	       text_percent(pct, json_number_value(json_object_get(step, "loss_pct"))));
	printf("guest busy %s\n",
	       text_percent(pct, json_number_value(json_object_get(step, "guest_cpu_pct"))));
	print_ledger(step);
}

/* The knee: the last rate that lost nothing before the first that did; -1: there is none such. */
static void find_knee(const json_t *steps, json_int_t *ret_clean, json_int_t *ret_lossy)
{
	const json_t *s;
	size_t i;

	*ret_clean = *ret_lossy = -1;
	json_array_foreach(steps, i, s)
		if (int_of(s, "lost_frames") > 0 &&
		    (*ret_lossy < 0 || int_of(s, "sent_pps") < *ret_lossy))
			*ret_lossy = int_of(s, "sent_pps");
	json_array_foreach(steps, i, s)
		if (int_of(s, "lost_frames") == 0 &&
		    (*ret_lossy < 0 || int_of(s, "sent_pps") < *ret_lossy) &&
		    int_of(s, "sent_pps") > *ret_clean)
			*ret_clean = int_of(s, "sent_pps");
}

/* Rate against loss. */
static void print_chart(const json_t *steps)
{
	json_int_t clean, lossy;
	const json_t *s;
	char n[32], pct[32];
	size_t i;

	find_knee(steps, &clean, &lossy);
	puts("\nrate and loss");
	json_array_foreach(steps, i, s) {
		double loss = json_number_value(json_object_get(s, "loss_pct"));
		json_int_t pps = int_of(s, "sent_pps");
		int bar = (int)(loss * BAR / 100 + (loss > 0 ? 1 : 0));

		printf("%12s/s %s %9s %.*s%s\n", text_count(n, (unsigned long long)pps),
		       text_of(s, "ring"), text_percent(pct, loss), bar > BAR ? BAR : bar,
		       "########################################",
		       lossy >= 0 && pps == clean ? "<- knee" : "");
	}
	if (lossy >= 0 && clean >= 0)
		printf("knee: no loss up to %s/s", text_count(n, (unsigned long long)clean));
	if (lossy >= 0 && clean >= 0)
		printf(", loss from %s/s\n", text_count(n, (unsigned long long)lossy));
	else if (lossy < 0)
		puts("no knee: no loss at any of these rates");
	else
		puts("no knee: loss already at the lowest of these rates");
}

/* The gaps of all steps, each with its step. */
static json_t *all_gaps(const json_t *steps)
{
	json_t *all = json_array();
	json_t *step, *gap;
	size_t i, k;

	json_array_foreach(steps, i, step) {
		json_array_foreach(json_object_get(step, "gaps"), k, gap) {
			json_t *o = json_copy(gap);

			json_object_set(o, "step", json_object_get(step, "step"));
			json_array_append_new(all, o);
		}
	}
	return all;
}

static void print_gaps(const struct global *g, const json_t *steps)
{
	json_t *all = all_gaps(steps), *shown = json_array();
	size_t n = json_array_size(all);

	for (size_t i = 0; i < n && i < SHOWN_GAPS; i++)
		json_array_append(shown, json_array_get(all, i));
	if (n) {
		putchar('\n');
		out_table(g, gap_columns, ARRAY_SIZE(gap_columns), shown);
	}
	if (n > SHOWN_GAPS)
		printf("%zu more gaps; --json and --csv print all\n", n - SHOWN_GAPS);
	json_decref(shown);
	json_decref(all);
}

static void print_head(const json_t *probe)
{
	_cleanup_(freep) char *target = text_safe(text_of(probe, "target")),
			      *kernel = text_safe(text_of(probe, "kernel"));
	_cleanup_(freep) char *why = text_safe(text_of(probe, "why"));
	json_int_t first = int_of(json_array_get(json_object_get(probe, "steps"), 0), "done_ns"),
		   ready = int_of(probe, "ready_ns");
	char t[64], d[32];

	printf("probe %lld  %s  %s %s  frames of %s bytes", (long long)int_of(probe, "id"),
	       text_time(t, (unsigned long long)int_of(probe, "since_ns")),
	       !strcmp(text_of(probe, "direction"), "out") ? "from" : "to", target,
	       text_of(probe, "lengths"));
	if (int_of(probe, "flows") > 1)
		printf(", %lld flows", (long long)int_of(probe, "flows"));
	if (int_of(probe, "workers") > 1)
		printf(", %lld senders", (long long)int_of(probe, "workers"));
	if (int_of(probe, "queues") > 1)
		printf(", %lld queues", (long long)int_of(probe, "queues"));
	printf("  guest: %s, Linux %s\n",
	       *text_of(probe, "accel") ? text_of(probe, "accel") : "none", *kernel ? kernel : "-");
	if (ready)
		printf("guest ready after %s",
		       text_duration(d, (unsigned long long)(ready - int_of(probe, "since_ns"))));
	if (ready && first)
		printf(", first result after %s",
		       text_duration(d, (unsigned long long)(first - int_of(probe, "since_ns"))));
	if (ready)
		putchar('\n');
	if (strcmp(text_of(probe, "state"), "complete") != 0)
		printf("incomplete: %s\n", why);
}

static void print_text(const struct global *g, const json_t *probe)
{
	const json_t *steps = json_object_get(probe, "steps"), *step;
	json_int_t unaccounted = 0;
	size_t i;

	print_head(probe);
	if (json_object_get(probe, "summary")) {
		probe_table_print(g, json_object_get(probe, "summary"));
		json_array_foreach(steps, i, step)
			unaccounted += llabs(int_of(step, "unaccounted_frames"));
		printf("\n%zu steps, %lld frames unaccounted; --json prints each step\n",
		       json_array_size(steps), (long long)unaccounted);
		return;
	}
	json_array_foreach(steps, i, step)
		print_step(step);
	if (json_array_size(steps) > 1)
		print_chart(steps);
	print_gaps(g, steps);
}

int probe_print(const struct global *g, json_t *probe)
{
	json_t *gaps;

	if (!strcmp(text_of(probe, "kind"), "bench") &&
	    json_array_size(json_object_get(probe, "steps")))
		json_object_set_new(probe, "summary", probe_table(json_object_get(probe, "steps")));
	if (g->format == FORMAT_JSON)
		return out_json(probe);
	if (g->format == FORMAT_CSV) {
		gaps = all_gaps(json_object_get(probe, "steps"));
		out_csv(gap_columns, ARRAY_SIZE(gap_columns), gaps);
		json_decref(gaps);
	} else {
		print_text(g, probe);
	}
	json_decref(probe);
	return out_done();
}

int probe_print_list(const struct global *g, json_t *list)
{
	if (!list) {
		message_error("probe: cannot read the store");
		return EXIT_FAILED;
	}
	if (g->format == FORMAT_JSON)
		return out_json(json_pack("{so}", "probes", list));
	if (g->format == FORMAT_CSV)
		out_csv(list_columns, ARRAY_SIZE(list_columns), list);
	else if (json_array_size(list))
		out_table(g, list_columns, ARRAY_SIZE(list_columns), list);
	else
		puts("no probes in the store; run one with taplossctl probe run");
	json_decref(list);
	return out_done();
}
