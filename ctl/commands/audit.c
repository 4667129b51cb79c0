/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "collector/base.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/query/filter.h"
#include "ctl/query/share.h"
#include "ctl/query/window.h"
#include "audit_hint.h"
#include "commands.h"

static const struct column columns[] = {
	{ "vm", "VM", COL_NAME },
	{ "uuid", "UUID", COL_TEXT },
	{ "nic", "NIC", COL_NAME },
	{ "counter", "COUNTER", COL_TEXT },
	{ "counted_frames", "COUNTED", COL_COUNT },
	{ "explained_frames", "EXPLAINED", COL_COUNT },
	{ "unexplained_frames", "UNEXPLAINED", COL_COUNT },
	{ "may_be", "MAY BE", COL_TEXT },
};

/* One counter of one device in the hands of one owner. counter "" : losses that no device counter
 * shows. */
struct line {
	struct {
		int64_t vm, device;
		char counter[16];
	} id;
	uint64_t counted, explained;
	uint64_t perhaps; /* losses that this counter saw, or did not: reconcile() */
	UT_hash_handle hh;
};

struct audit {
	struct global g;
	struct window window;
	struct filter filter;
	bool fail;
	struct reader *v;
	struct line *lines;
	bool *counted;		/* by device: its counters were read */
};

static struct line *line_of(struct audit *a, int64_t vm, int64_t device, const char *counter)
{
	struct line *l, probe;

	memset(&probe, 0, sizeof(probe));
	probe.id.vm = vm;
	probe.id.device = device;
	snprintf(probe.id.counter, sizeof(probe.id.counter), "%s", counter ? counter : "");
	HASH_FIND(hh, a->lines, &probe.id, sizeof(probe.id), l);
	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		abort();
	l->id = probe.id;
	HASH_ADD(hh, a->lines, id, sizeof(l->id), l);
	return l;
}

static bool wanted(const struct audit *a, int64_t vm, int64_t device)
{
	struct reader_series probe = {
		.vm_id = vm,
		.device_id = device,
		.direction = (char *)"",
		.class = (char *)"",
		.kind = (char *)"",
		.reason = (char *)"",
		.queue = -1,
	};

	return filter_passes(&a->filter, a->v, &probe);
}

static void on_counted(int64_t device, void *arg)
{
	struct audit *a = arg;

	if (reader_device(a->v, device))
		a->counted[device] = true;
}

static void on_witness(int64_t device, uint64_t t_ns, const char *counter, uint64_t frames,
		       void *arg)
{
	struct audit *a = arg;
	const struct reader_attachment *at = reader_attached(a->v, device, t_ns);
	int64_t vm = at ? at->vm_id : 0;

	on_counted(device, a);
	if (reader_device(a->v, device) && wanted(a, vm, device))
		line_of(a, vm, device, counter)->counted += frames;
}

/* The counter that sees such a loss in some ways that the kernel's word and function do not tell
 * apart, or on some kernels only; else NULL: a macvtap's full ring (not for the pieces of a
 * super-frame), a bad header (read by a tun without Ethernet: rx_dropped; a NAPI queue that is
 * detached: none), a device that is down (since 6.12.115). */
static const char *perhaps(const struct audit *a, const struct reader_series *s)
{
	const struct reader_device *d = reader_device(a->v, s->device_id);

	if (!strcmp(s->class, "QDISC") && !strcmp(s->kind, "lifecycle") && !s->counter)
		return "tx_dropped";
	if (!strcmp(s->class, "VIRTNET_HDR") && s->counter &&
	    !strcmp(s->counter, "rx_frame_errors"))
		return s->counter;
	if (d && strcmp(d->kind, "tun") != 0 && !strcmp(s->class, "PTR_FULL") && s->counter &&
	    !strcmp(s->counter, "rx_dropped"))
		return s->counter;
	return NULL;
}

static void add_series(struct audit *a, const struct reader_series *s, uint64_t frames)
{
	const char *counter = perhaps(a, s);

	if (counter)
		line_of(a, s->vm_id, s->device_id, counter)->perhaps += frames;
	else
		line_of(a, s->vm_id, s->device_id, s->counter)->explained += frames;
}

static int add_up(struct audit *a)
{
	_cleanup_(freep) struct reader_sum *sums = NULL;
	int r = reader_losses(a->v, a->window.since_ns, a->window.until_ns, &sums);

	if (r < 0)
		return r;
	for (size_t i = 0; i < a->v->n_series; i++) {
		const struct reader_series *s = &a->v->series[i];

		/* What was lost on the path, or by captures, is no matter of the tap's counters;
		 * and what only they know explains nothing. */
		if (s->id && sums[i].frames && share_of(s) != ON_PATH && share_of(s) != COPIED &&
		    strcmp(s->reason, "COUNTER") != 0 && wanted(a, s->vm_id, s->device_id))
			add_series(a, s, sums[i].frames);
	}
	r = reader_counted(a->v, a->window.since_ns, a->window.until_ns, on_counted, a);
	return r < 0 ? r
		     : reader_witnesses(a->v, a->window.since_ns, a->window.until_ns, on_witness,
					a);
}

static int by_name(struct line *x, struct line *y)
{
	if (x->id.vm != y->id.vm)
		return x->id.vm < y->id.vm ? -1 : 1;
	if (x->id.device != y->id.device)
		return x->id.device < y->id.device ? -1 : 1;
	return strcmp(x->id.counter, y->id.counter);
}

/* Is there a counter to compare with, and was it read? */
static bool known(const struct audit *a, const struct line *l)
{
	return l->id.counter[0] && reader_device(a->v, l->id.device) && a->counted[l->id.device];
}

/* @frames explain what is still open of @l; returns how many it did not see. */
static uint64_t explain(struct line *l, uint64_t frames)
{
	uint64_t open = l->counted > l->explained ? l->counted - l->explained : 0;
	uint64_t seen = open < frames ? open : frames;

	l->explained += seen;
	return frames - seen;
}

/* Losses that a counter saw perhaps explain what it counted, as far as it did; the rest no counter
 * saw. */
static void reconcile(struct audit *a)
{
	struct line *l, *tmp;
	uint64_t rest;

	HASH_ITER(hh, a->lines, l, tmp) {
		if (!known(a, l)) {
			l->explained += l->perhaps;
			continue;
		}
		rest = l->perhaps ? explain(l, l->perhaps) : 0;
		if (rest && !strcmp(l->id.counter, "rx_frame_errors"))
			rest = explain(line_of(a, l->id.vm, l->id.device, "rx_dropped"), rest);
		if (rest)
			line_of(a, l->id.vm, l->id.device, NULL)->explained += rest;
	}
}

/* A line that has nothing to say: what it was made for went to others. */
static bool empty(const struct line *l)
{
	return !l->counted && !l->explained;
}

static const char *may_be(const struct audit *a, const struct line *l)
{
	return known(a, l) && l->counted != l->explained
		       ? audit_hint(reader_device(a->v, l->id.device)->kind, l->id.counter,
				    (int64_t)(l->counted - l->explained))
		       : NULL;
}

static json_t *line_object(const struct audit *a, const struct line *l)
{
	const struct reader_vm *vm = reader_vm(a->v, l->id.vm);
	bool none = !known(a, l);

	return json_pack("{so so so ss so sI so so}", "vm", out_text(vm ? vm->name : NULL), "uuid",
			 out_text(vm ? vm->uuid : NULL), "nic",
			 out_text(reader_nic(a->v, l->id.device)), "counter",
			 l->id.counter[0] ? l->id.counter : "none", "counted_frames",
			 none ? json_null() : out_int(l->counted), "explained_frames",
			 (json_int_t)l->explained, "unexplained_frames",
			 none ? json_null() : json_integer((json_int_t)(l->counted - l->explained)),
			 "may_be", out_text(may_be(a, l)));
}

/* Under the table: it would be too wide with them. */
static void print_hints(const json_t *rows)
{
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row) {
		const char *hint = json_string_value(json_object_get(row, "may_be"));
		const char *nic = json_string_value(json_object_get(row, "nic"));
		_cleanup_(freep) char *safe = text_safe(nic ? nic : "-");

		if (hint)
			printf("%s %s may be: %s.\n", safe,
			       json_string_value(json_object_get(row, "counter")), hint);
	}
}

static void print_text(const struct audit *a, const json_t *rows, double covered,
		       uint64_t uncounted, uint64_t open_frames)
{
	struct column shown[ARRAY_SIZE(columns)];
	size_t n = 0;
	char buf[32];

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		if (strcmp(columns[i].key, "uuid") != 0 && strcmp(columns[i].key, "may_be") != 0)
			shown[n++] = columns[i];
	window_print(&a->window, covered);
	if (json_array_size(rows)) {
		if (open_frames)
			printf("%s frames are unexplained, or were not counted by the device\n\n",
			       text_count(buf, open_frames));
		else
			puts("what the devices counted is explained to the frame\n");
		out_table(&a->g, shown, n, rows);
		puts("\nCOUNTED: the device's own counter; the tx of a tap goes to the "
		     "guest.\nEXPLAINED: frames that taploss counted with a reason.\nnone: loss "
		     "that no counter of the device shows.\n-: the counter could not be read "
		     "(device in another network namespace).");
		print_hints(rows);
	} else if (covered > 0) {
		puts("no device counter changed, and no loss was counted");
	}
	if (uncounted)
		printf("Since the store was created, %s lost frames were not counted, because the "
		       "BPF map was full:\nraise max_keys in [bpf] of taploss.conf.\n",
		       text_count(buf, uncounted));
}

static int print(struct audit *a, double covered)
{
	json_t *rows = json_array();
	uint64_t uncounted = 0, open_frames = 0;
	struct line *l, *tmp;
	int status;

	HASH_SORT(a->lines, by_name);
	HASH_ITER(hh, a->lines, l, tmp) {
		if (empty(l))
			continue;
		json_array_append_new(rows, line_object(a, l));
		if (known(a, l))
			open_frames += l->counted > l->explained ? l->counted - l->explained
								 : l->explained - l->counted;
	}
	if (reader_self(a->v, "uncounted_frames", &uncounted) < 0) {
		json_decref(rows);
		return EXIT_FAILED;
	}
	if (a->g.format == FORMAT_JSON) {
		status = out_json(json_pack("{sI sI sf sO}", "since_ns",
					    (json_int_t)a->window.since_ns, "until_ns",
					    (json_int_t)a->window.until_ns, "coverage_pct", covered,
					    "rows", rows));
	} else {
		if (a->g.format == FORMAT_CSV)
			out_csv(columns, ARRAY_SIZE(columns), rows);
		else
			print_text(a, rows, covered, uncounted, open_frames);
		status = out_done();
	}
	json_decref(rows);
	return status == EXIT_OK && a->fail && open_frames ? EXIT_FOUND : status;
}

static int answer(struct audit *a)
{
	struct line *l, *tmp;
	double covered;
	int status = EXIT_FAILED;

	a->v = query_begin(a->g.store);
	if (!a->v)
		return EXIT_FAILED;
	a->counted = calloc(a->v->n_devices + 1, sizeof(bool));
	if (!a->counted)
		abort();
	if (filter_resolve(&a->filter, a->v) == 0 && add_up(a) == 0) {
		reconcile(a);
		covered = reader_covered_pct(a->v, a->window.since_ns, a->window.until_ns);
		if (covered >= 0)
			status = print(a, covered);
	}
	HASH_ITER(hh, a->lines, l, tmp) {
		HASH_DEL(a->lines, l);
		free(l);
	}
	free(a->counted);
	query_end(a->v);
	return status;
}

enum { OPT_FAIL = OPT_OWN };

static int own_option(void *arg, int opt, const char *value)
{
	struct audit *a = arg;

	(void)value;
	if (opt != OPT_FAIL)
		return 0;
	return a->fail = true;
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS,
						 WINDOW_OPTIONS,
						 { "vm", required_argument, NULL, OPT_VM },
						 { "nic", required_argument, NULL, OPT_NIC },
						 { "fail", no_argument, NULL, OPT_FAIL },
						 { 0 } };
	struct audit a = { .g = *g };
	const struct options o = {
		.cmd = &cmd_audit,
		.table = options,
		.global = &a.g,
		.window = &a.window,
		.filter = &a.filter,
		.own = own_option,
		.arg = &a,
	};
	int status;

	window_init(&a.window);
	filter_init(&a.filter);
	if (!options_read(&o, argc, argv, &status))
		return status;
	return options_vms(&o, argc, argv) && window_valid(&a.window) ? answer(&a) : EXIT_USAGE;
}

static const char details[] =
	WINDOW_HELP("an hour ago")
	"  --vm VM          only this VM; may be repeated\n"
	"  --nic NAME       only this device\n"
	"  --fail           exit with status 3 if a counter disagrees with the losses\n";

const struct cmd cmd_audit = {
	.name = "audit",
	.args = "[VM...]",
	.help = "compare the losses counted with the kernel's own counters",
	.details = details,
	.run = run,
};
