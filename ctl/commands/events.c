/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/diagnose/events_verdict.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/options/usage.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/query/events.h"
#include "ctl/query/window.h"
#include "commands.h"

static const struct column columns[] = {
	{ "t_ns", "TIME", COL_TIME },	  { "vm", "VM", COL_NAME },
	{ "uuid", "", COL_TEXT },	  { "nic", "NIC", COL_NAME },
	{ "event", "EVENT", COL_TEXT },	  { "was", "WAS", COL_NAME },
	{ "became", "BECAME", COL_NAME },
};

struct asked {
	struct global g;
	struct window window;
	const char *vm;
	int verdicts;		/* 1, 0; -1: when one VM is asked for */
};

static json_t *make_rows(const struct reader *v, const struct events *e, const struct vmref *ref)
{
	json_t *rows = json_array();

	for (size_t i = 0; rows && i < e->n; i++) {
		const struct event *ev = &e->all[i];
		const struct reader_vm *vm = reader_vm(v, ev->vm_id);

		/* With one VM asked for, what happened to the host stays in view: it explains gaps.
		 */
		if (ref && ev->vm_id && !vmref_has(ref, ev->vm_id, ev->device_id))
			continue;
		json_array_append_new(
			rows, json_pack("{sI so so so ss so so}", "t_ns", (json_int_t)ev->t_ns,
					"vm", out_text(vm ? vm->name : NULL), "uuid",
					out_text(vm ? vm->uuid : NULL), "nic",
					out_text(reader_nic(v, ev->device_id)), "event", ev->what,
					"was", out_text(ev->was), "became", out_text(ev->became)));
	}
	return rows;
}

static void print_text(const struct asked *a, const json_t *rows, double covered)
{
	struct column shown[ARRAY_SIZE(columns)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		if (*columns[i].header)
			shown[n++] = columns[i];
	window_print(&a->window, covered);
	if (json_array_size(rows))
		out_table(&a->g, shown, n, rows);
	else if (covered > 0)
		puts("no events");
}

static int print(const struct asked *a, struct reader *v, const json_t *rows)
{
	double covered = reader_covered_pct(v, a->window.since_ns, a->window.until_ns);

	if (covered < 0)
		return EXIT_FAILED;
	if (a->g.format == FORMAT_JSON)
		return out_json(json_pack("{sI sI sf sO}", "since_ns",
					  (json_int_t)a->window.since_ns, "until_ns",
					  (json_int_t)a->window.until_ns, "coverage_pct", covered,
					  "events", rows));
	if (a->g.format == FORMAT_CSV)
		out_csv(columns, ARRAY_SIZE(columns), rows);
	else
		print_text(a, rows, covered);
	return out_done();
}

/* Those of the VM asked for, or of all that lost anything. */
static int add_verdicts(const struct asked *a, struct reader *v, const struct vmref *ref,
			struct events *e)
{
	_cleanup_(freep) struct reader_sum *sums = NULL;
	_cleanup_(freep) bool *lost = calloc(v->n_vms + 1, sizeof(*lost));
	int r = reader_losses(v, a->window.since_ns, a->window.until_ns, &sums);

	if (!lost)
		abort();
	for (size_t i = 0; i < v->n_series && r >= 0; i++)
		if (v->series[i].id && sums[i].frames && reader_vm(v, v->series[i].vm_id))
			lost[v->series[i].vm_id] =
				!ref || vmref_has(ref, v->series[i].vm_id, v->series[i].device_id);
	for (size_t i = 0; i < v->n_vms && r >= 0; i++)
		if (lost[i])
			r = events_add_verdicts(v, (int64_t)i, a->window.since_ns,
						a->window.until_ns, e);
	return r;
}

static int read_all(const struct asked *a, struct reader *v, const struct vmref *ref,
		    struct events *ret)
{
	struct events e = { 0 };
	int r = events_read(v, a->window.since_ns, a->window.until_ns, &e);

	if (r >= 0 && (a->verdicts < 0 ? a->vm != NULL : a->verdicts))
		r = add_verdicts(a, v, ref, &e);
	if (r < 0)
		events_free(&e);
	else
		*ret = e;
	return r;
}

static int answer(const struct asked *a)
{
	struct reader *v = query_begin(a->g.store);
	struct vmref ref = { 0 };
	struct events e = { 0 };
	json_t *rows;
	int status = EXIT_FAILED;

	if (!v)
		return EXIT_FAILED;
	if ((!a->vm || vmref_find(v, a->vm, &ref) == 0) &&
	    read_all(a, v, a->vm ? &ref : NULL, &e) == 0) {
		rows = make_rows(v, &e, a->vm ? &ref : NULL);
		status = print(a, v, rows);
		json_decref(rows);
		events_free(&e);
	}
	query_end(v);
	return status;
}

enum { OPT_NO_VERDICTS = OPT_OWN, OPT_VERDICTS };

static int own_option(void *arg, int opt, const char *value)
{
	struct asked *a = arg;

	(void)value;
	if (opt != OPT_NO_VERDICTS && opt != OPT_VERDICTS)
		return 0;
	a->verdicts = opt == OPT_VERDICTS;
	return 1;
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = {
		GLOBAL_OPTIONS,
		WINDOW_OPTIONS,
		{ "no-verdicts", no_argument, NULL, OPT_NO_VERDICTS },
		{ "verdicts", no_argument, NULL, OPT_VERDICTS },
		{ 0 }
	};
	struct asked a = { .g = *g, .verdicts = -1 };
	const struct options o = {
		.cmd = &cmd_events,
		.table = options,
		.global = &a.g,
		.window = &a.window,
		.own = own_option,
		.arg = &a,
	};
	int status;

	window_init(&a.window);
	a.window.since_ns = a.window.now_ns - NSEC_PER_DAY;
	if (!options_read(&o, argc, argv, &status))
		return status;
	if (optind + 1 < argc)
		return usage_error(&cmd_events, "expected one VM at most");
	a.vm = optind < argc ? argv[optind] : NULL;
	return window_valid(&a.window) ? answer(&a) : EXIT_USAGE;
}

static const char details[] =
	WINDOW_HELP("a day ago")
	"  --verdicts       include changes of the diagnosis of each VM; slow for many\n"
	"                   VMs (default: only if a VM is given)\n"
	"  --no-verdicts    leave them out\n";

const struct cmd cmd_events = {
	.name = "events",
	.args = "[VM]",
	.help = "list what happened to VMs, NICs and the agent",
	.details = details,
	.run = run,
};
