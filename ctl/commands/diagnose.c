/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "ctl/diagnose/diagnosis.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/query/filter.h"
#include "ctl/query/share.h"
#include "ctl/query/window.h"
#include "commands.h"

static const struct column columns[] = {
	{ "vm", "", COL_NAME },		{ "uuid", "", COL_TEXT },
	{ "nic", "", COL_NAME },	{ "direction", "", COL_TEXT },
	{ "class", "", COL_TEXT },	{ "kernel_reason", "", COL_TEXT },
	{ "place", "", COL_NAME },	{ "cause", "", COL_TEXT },
	{ "confidence", "", COL_TEXT }, { "benign", "", COL_TEXT },
	{ "frames", "", COL_COUNT },	{ "share_pct", "", COL_PERCENT },
	{ "bursts", "", COL_COUNT },	{ "longest_ns", "", COL_NUMBER },
	{ "from", "", COL_NAME },
};

struct asked {
	struct global g;
	struct window window;
	struct filter filter;
	bool fail;
};

struct answer {
	struct reader *v;
	struct diagnosis d;
};

static json_t *pressure_object(const struct evidence *e)
{
	static const char *const names[] = { "vcpu", "vhost", "emulator" };
	json_t *o = json_object();

	for (int g = 0; e->pressure && g < GROUPS; g++) {
		char key[32];

		snprintf(key, sizeof(key), "%s_run_pct", names[g]);
		json_object_set_new(o, key, json_real(e->run_pct[g]));
		snprintf(key, sizeof(key), "%s_wait_ns", names[g]);
		json_object_set_new(o, key, out_int(e->wait_ns[g]));
	}
	return o;
}

static json_t *finding_object(const struct asked *asked, const struct answer *a,
			      const struct cause *f)
{
	const struct evidence *e = f->e;
	const struct verdict_rule *r = f->v.rule;
	const struct vmref *ref = &asked->filter.refs[0];
	json_t *o = json_pack("{so so so ss ss ss so}", "vm",
			      out_text(ref->vm_id ? vmref_name(a->v, ref) : NULL), "uuid",
			      out_text(vmref_uuid(a->v, ref)), "nic", out_text(e->nic), "direction",
			      e->series->direction, "class", e->series->class, "kernel_reason",
			      e->series->reason, "place", out_text(e->series->place));

	if (!o)
		abort();
	json_object_set_new(o, "cause", out_text(r->id));
	json_object_set_new(o, "title", out_text(r->title));
	json_object_set_new(o, "confidence", out_text(confidence_word(f->v.confidence)));
	json_object_set_new(o, "benign", json_boolean(r->benign));
	json_object_set_new(o, "frames", out_int(f->frames));
	json_object_set_new(o, "share_pct", json_real(diagnosis_share_pct(&a->d, f)));
	json_object_set_new(o, "bursts", out_int(e->bursts));
	json_object_set_new(o, "longest_ns", out_int(e->longest_ns));
	json_object_set_new(o, "burst_frames_per_s", out_int(e->burst_rate));
	json_object_set_new(o, "usual_frames_per_s", out_int(e->usual_rate));
	json_object_set_new(o, "lost_ns", out_int(e->lost_ns));
	json_object_set_new(o, "pressure", pressure_object(e));
	json_object_set_new(o, "queue", e->queue < 0 ? json_null() : out_int((uint64_t)e->queue));
	json_object_set_new(o, "queue_pct", out_int(e->queue_pct));
	json_object_set_new(o, "calm_ring_peak_frames",
			    e->calm_looks ? out_int(e->calm_peak) : json_null());
	json_object_set_new(o, "calm_ring_mean_frames",
			    e->calm_looks ? json_real((double)e->calm_sum / (double)e->calm_looks)
					  : json_null());
	json_object_set_new(o, "from", out_text(e->sender));
	json_object_set_new(o, "from_pct", out_int(e->sender_pct));
	json_object_set_new(o, "fix_host", out_text(r->host));
	json_object_set_new(o, "fix_xml", out_text(r->xml));
	json_object_set_new(o, "fix_guest", out_text(r->guest));
	json_object_set_new(o, "ring_that_fits_frames",
			    verdict_ring(e) ? out_int(verdict_ring(e)) : json_null());
	json_object_set_new(o, "reference", out_text(r->reference));
	return o;
}

/* @e: fill in what it is about; NULL: it speaks of the guest's. */
static void print_fix(FILE *to, const char *what, const char *text, const struct evidence *e)
{
	_cleanup_(freep) char *nic = text_safe(e && e->nic ? e->nic : "NIC"),
			      *fix = text ? verdict_fix(text, nic, e ? verdict_ring(e) : 0) : NULL;

	if (fix)
		fprintf(to, "    %-9s%s\n", what, fix);
}

static void span_text(char buf[static 32], uint64_t ns)
{
	snprintf(buf, 32, ns < 10 * NSEC_PER_SEC ? "%.1f ms" : "%.0f ms",
		 (double)ns / (double)NSEC_PER_MSEC);
	if (ns >= 10 * NSEC_PER_SEC)
		text_duration(buf, ns);
}

static void print_bursts(FILE *to, const struct evidence *e)
{
	char n[32], longest[32], most[32], lost[32], usual[32];

	if (!e->bursts)
		return;
	span_text(longest, e->longest_ns);
	fprintf(to,
		"    %s bursts, the longest %s, at most %s frames in one; lost %s frames/s; "
		"offered %s frames/s just before and after\n",
		text_count(n, e->bursts), longest, text_count(most, e->most_frames),
		text_count(lost, e->burst_rate), text_count(usual, e->usual_rate));
	if (e->ring_frames > 0)
		fprintf(to, "    the ring of each queue holds %s frames%s%s\n",
			text_count(n, (unsigned long long)e->ring_frames),
			e->backend ? ", read by " : "",
			e->backend
				? (strcmp(e->backend, "vhost") ? "a thread of the VMM" : "vhost")
				: "");
	if (e->calm_looks)
		fprintf(to,
			"    in minutes without loss it held at most %s, %.1f on average (%s "
			"samples)\n",
			text_count(n, e->calm_peak), (double)e->calm_sum / (double)e->calm_looks,
			text_count(most, e->calm_looks));
}

static void print_pressure(FILE *to, const struct evidence *e)
{
	static const char *const names[] = { "vCPUs", "vhost workers", "other threads" };
	char lost[32], wait[32];

	if (e->shape == SHAPE_HALTED) {
		fprintf(to, "    the VM was %s at that time\n", e->halted);
		return;
	}
	if (!e->bursts)
		return;
	if (!e->pressure) {
		fputs("    no data about its threads at that time\n", to);
		return;
	}
	span_text(lost, e->lost_ns);
	fprintf(to, "    in the seconds with loss (bursts lasted %s of them):\n", lost);
	for (int g = 0; g < GROUPS; g++) {
		if (!e->threads[g])
			continue;
		span_text(wait, e->wait_ns[g]);
		fprintf(to,
			"      %u %s ran for %.0f %% of the time, and waited for a CPU for %s more "
			"than usual\n",
			e->threads[g], names[g], e->run_pct[g], wait);
	}
}

static void print_finding(FILE *to, const struct asked *asked, const struct answer *a,
			  const struct cause *f)
{
	const struct evidence *e = f->e;
	const struct verdict_rule *r = f->v.rule;
	_cleanup_(freep) char *nic = text_safe(e->nic ? e->nic : "-");
	char share[32], frames[32];

	fprintf(to, "\n%s%s%s\n", asked->g.color ? "\033[1m" : "", r->title,
		asked->g.color ? "\033[0m" : "");
	fprintf(to, "    %s of the loss (%s frames), %s %s %s %s%s%s; confidence %s%s\n",
		text_percent(share, diagnosis_share_pct(&a->d, f)), text_count(frames, f->frames),
		nic, e->series->direction, e->series->class, e->series->reason,
		e->series->place ? " at " : "", e->series->place ? e->series->place : "",
		confidence_word(f->v.confidence), r->benign ? "; benign" : "");
	print_bursts(to, e);
	print_pressure(to, e);
	if (e->shape == SHAPE_UNREAD)
		fputs("    no frame was delivered at that time\n", to);
	if (e->queues > 1 && e->queue >= 0)
		fprintf(to, "    queue %d of %d lost %u %% of them\n", e->queue, e->queues,
			e->queue_pct);
	if (e->sender) {
		_cleanup_(freep) char *sender = text_short(e->sender, 32);

		fprintf(to, "    %s%s sent %u %% of them\n", e->sender_is_vm ? "VM " : "", sender,
			e->sender_pct);
	}
	print_fix(to, "host:", r->host, e);
	print_fix(to, "libvirt:", r->xml, NULL);
	print_fix(to, "guest:", r->guest, NULL);
	print_fix(to, "see:", r->reference, NULL);
}

static void print_findings(const struct asked *asked, const struct answer *a)
{
	_cleanup_(freep) char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	for (size_t i = 0; i < a->d.n; i++)
		print_finding(to, asked, a, &a->d.all[i]);
	if (fclose(to) != 0)
		abort();
	text_fold(stdout, text, (size_t)out_columns());
}

static void print_text(const struct asked *asked, const struct answer *a, double covered)
{
	_cleanup_(freep) char *name = text_safe(vmref_name(a->v, &asked->filter.refs[0]));
	uint64_t benign = 0;
	char frames[32], harmless[32];

	for (size_t i = 0; i < a->d.n; i++)
		benign += a->d.all[i].v.rule->benign ? a->d.all[i].frames : 0;
	puts(name);
	window_print(&asked->window, covered);
	if (!a->d.n) {
		if (covered > 0)
			puts("no loss");
		return;
	}
	printf("%s frames lost%s%s%s\n", text_count(frames, a->d.evidence.frames),
	       benign ? ", of these " : "", benign ? text_count(harmless, benign) : "",
	       benign ? " for benign causes" : "");
	print_findings(asked, a);
}

static int print(const struct asked *asked, const struct answer *a)
{
	double covered = reader_covered_pct(a->v, asked->window.since_ns, asked->window.until_ns);
	const struct vmref *ref = &asked->filter.refs[0];
	json_t *rows;

	if (covered < 0)
		return EXIT_FAILED;
	if (asked->g.format == FORMAT_TEXT) {
		print_text(asked, a, covered);
		return out_done();
	}
	rows = must(json_array());
	for (size_t i = 0; i < a->d.n; i++)
		json_array_append_new(rows, finding_object(asked, a, &a->d.all[i]));
	if (asked->g.format == FORMAT_JSON)
		return out_json(
			json_pack("{so so sI sI sf sI so}", "vm", out_text(vmref_name(a->v, ref)),
				  "uuid", out_text(vmref_uuid(a->v, ref)), "since_ns",
				  (json_int_t)asked->window.since_ns, "until_ns",
				  (json_int_t)asked->window.until_ns, "coverage_pct", covered,
				  "frames", (json_int_t)a->d.evidence.frames, "verdicts", rows));
	out_csv(columns, ARRAY_SIZE(columns), rows);
	json_decref(rows);
	return out_done();
}

/* Something harmful, and more than a few frames of it? */
static bool harmful(const struct answer *a)
{
	uint64_t frames = 0;

	for (size_t i = 0; i < a->d.n; i++)
		frames += a->d.all[i].v.rule->benign ? 0 : a->d.all[i].frames;
	return frames >= DIAGNOSIS_FEW_FRAMES;
}

static int diagnose(struct asked *asked)
{
	_cleanup_(freep) bool *wanted = NULL;
	struct answer a = { .v = query_begin(asked->g.store) };
	int status = EXIT_FAILED;

	if (!a.v)
		return EXIT_FAILED;
	if (filter_resolve(&asked->filter, a.v) == 0) {
		wanted = must(calloc(a.v->n_series + 1, sizeof(bool)));
		for (size_t i = 0; i < a.v->n_series; i++)
			wanted[i] = a.v->series[i].id &&
				    (!a.v->series[i].mask || asked->filter.masked) &&
				    filter_passes(&asked->filter, a.v, &a.v->series[i]) &&
				    share_of(&a.v->series[i]) != EMPTIED;
		if (diagnosis_make(a.v, asked->filter.refs[0].vm_id, asked->window.since_ns,
				   asked->window.until_ns, wanted, &a.d) == 0) {
			status = print(asked, &a);
			if (status == EXIT_OK && asked->fail && harmful(&a))
				status = EXIT_FOUND;
		}
	}
	diagnosis_free(&a.d);
	query_end(a.v);
	return status;
}

enum { OPT_FAIL = OPT_OWN };

static int own_option(void *arg, int opt, const char *value)
{
	struct asked *a = arg;

	(void)value;
	if (opt != OPT_FAIL)
		return 0;
	return a->fail = true;
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS,
						 WINDOW_OPTIONS,
						 FILTER_OPTIONS,
						 { "fail", no_argument, NULL, OPT_FAIL },
						 { 0 } };
	struct asked a = { .g = *g };
	const struct options o = {
		.cmd = &cmd_diagnose,
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
	return options_one_vm(&o, argc, argv) && window_valid(&a.window) ? diagnose(&a)
									 : EXIT_USAGE;
}

static const char details[] =
	WINDOW_HELP("an hour ago")
	FILTER_HELP
	"  --fail           exit with status 3 if 10 frames or more were lost for harmful\n"
	"                   causes\n";

const struct cmd cmd_diagnose = {
	.name = "diagnose",
	.args = "VM",
	.help = "explain why a VM loses packets, and what helps",
	.details = details,
	.run = run,
};
