/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "collector/base.h"
#include "collector/link/link.h"
#include "collector/loss/class.h"
#include "collector/kernel/ksym.h"
#include "collector/kernel/reason.h"
#include "collector/loss/trace.h"
#include "ctl/options/number.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/options/usage.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/print/when.h"
#include "ctl/query/vmref.h"
#include "commands.h"

#define MAX_DEVICES 256
#define LIMIT 10

struct device {
	uint32_t netns, ifindex;
	char name[24];
};

struct request {
	struct global g;
	const char *what, *class, *nic;
	uint64_t seconds, limit;

	char *vm, *uuid;		/* whose devices they are; NULL: not known */
	struct device devices[MAX_DEVICES];
	size_t n_devices;

	uint64_t since_ns, until_ns;
	struct ksyms *syms;
	struct reasons *reasons;
	json_t *rows;
	uint64_t frames, purged, stackless;
};

/* Which devices. A tap of this namespace is meant before a VM, and needs no store. */

static void add_device(struct request *rq, uint32_t netns, uint32_t ifindex, const char *name)
{
	struct device *d = &rq->devices[rq->n_devices];

	if (rq->n_devices == MAX_DEVICES || (rq->nic && strcmp(rq->nic, name) != 0))
		return;
	*d = (struct device){ netns, ifindex, "" };
	snprintf(d->name, sizeof(d->name), "%s", name);
	rq->n_devices++;
}

static void on_link(const struct link_info *info, bool gone, void *arg)
{
	struct request *rq = arg;

	if (!gone && !strcmp(info->name, rq->what))
		add_device(rq, info->netns, info->ifindex, info->name);
}

static int find_link(struct request *rq)
{
	struct links *links = NULL;
	int r = links_new(&links);

	if (r >= 0)
		r = links_dump(links, on_link, rq);
	links_free(links);
	if (r < 0)
		message_error("trace: cannot list the network devices: %s", strerror(-r));
	return r;
}

static void set_vm(struct request *rq, const struct reader_vm *vm)
{
	rq->vm = vm ? strdup(vm->name) : NULL;
	rq->uuid = vm && vm->uuid ? strdup(vm->uuid) : NULL;
}

static void name_owner(struct request *rq, const struct reader *v)
{
	for (size_t i = 0; i < v->n_devices; i++) {
		const struct reader_device *d = &v->devices[i];
		const struct reader_attachment *a;

		if (!d->id || d->until_ns || d->netns != rq->devices[0].netns ||
		    d->ifindex != rq->devices[0].ifindex)
			continue;
		a = reader_attached(v, d->id, now_ns());
		set_vm(rq, a ? reader_vm(v, a->vm_id) : NULL);
		return;
	}
}

static void add_live(struct request *rq, const struct reader *v, int64_t device)
{
	const struct reader_device *d = reader_device(v, device);

	if (d && !d->until_ns)
		add_device(rq, d->netns, d->ifindex, d->name);
}

static int find_vm(struct request *rq, struct reader *v)
{
	struct vmref ref;
	int r = vmref_find(v, rq->what, &ref);

	if (r < 0)
		return r;
	set_vm(rq, reader_vm(v, ref.vm_id));
	add_live(rq, v, ref.device_id);
	for (size_t i = 0; ref.vm_id && i < v->n_attachments; i++)
		if (v->attachments[i].id && v->attachments[i].vm_id == ref.vm_id &&
		    !v->attachments[i].until_ns)
			add_live(rq, v, v->attachments[i].device_id);
	if (rq->n_devices)
		return 0;
	message_error("trace: \"%.200s\" has no tap%s%.60s now; see taplossctl vms",
		      rq->what, rq->nic ? " " : "", rq->nic ? rq->nic : "");
	return -ENOENT;
}

static int find_devices(struct request *rq)
{
	char path[4096];
	struct reader *v;
	int r = find_link(rq);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/meta.db", rq->g.store);
	if (rq->n_devices && access(path, R_OK) < 0)
		return 0;
	v = query_begin(rq->g.store);
	if (!v)
		return rq->n_devices ? 0 : -ENOENT;
	if (rq->n_devices)
		name_owner(rq, v);
	else
		r = find_vm(rq, v);
	query_end(v);
	return r;
}

/* Counting. */

/* As long as asked for, or until somebody has seen enough. The signals are held back from before
 * the counting began. */
static void wait_long(uint64_t seconds, const sigset_t *enough)
{
	struct timespec left;
	uint64_t end = now_ns() + seconds * NSEC_PER_SEC, now;

	while ((now = now_ns()) < end) {
		left = (struct timespec){ (time_t)((end - now) / NSEC_PER_SEC),
					  (long)((end - now) % NSEC_PER_SEC) };
		if (sigtimedwait(enough, NULL, &left) > 0)
			return;
	}
}

static void report_start(const struct request *rq)
{
	_cleanup_(freep) char *name = text_safe(rq->vm ? rq->vm : rq->what);

	fprintf(stderr, "tracing %s for %llu s; press Ctrl-C to stop\n", name,
		(unsigned long long)rq->seconds);
}

static int count(struct request *rq, struct trace *t)
{
	sigset_t enough;
	int r = 0;

	sigemptyset(&enough);
	sigaddset(&enough, SIGINT);
	sigaddset(&enough, SIGTERM);
	sigprocmask(SIG_BLOCK, &enough, NULL);
	for (size_t i = 0; i < rq->n_devices && r >= 0; i++)
		r = trace_watch(t, rq->devices[i].netns, rq->devices[i].ifindex);
	if (r >= 0)
		r = trace_start(t);
	if (r < 0) {
		message_error("trace: cannot start counting: %s", strerror(-r));
		return r;
	}
	rq->since_ns = now_ns();
	report_start(rq);
	wait_long(rq->seconds, &enough);
	trace_stop(t);
	rq->until_ns = now_ns();
	return 0;
}

/* What was found. */

static const char *name_of(const struct request *rq, const struct tl_trace_key *key)
{
	for (size_t i = 0; i < rq->n_devices; i++)
		if (rq->devices[i].netns == key->netns && rq->devices[i].ifindex == key->ifindex)
			return rq->devices[i].name;
	return NULL;
}

static json_t *stack_array(const struct request *rq, const uint64_t *stack, unsigned int depth)
{
	json_t *list = json_array();
	char line[256];

	for (unsigned int i = 0; i < depth; i++) {
		struct ksym sym;

		if (ksym_find(rq->syms, stack[i], &sym) < 0)
			snprintf(line, sizeof(line), "%s", sym.function);
		else
			snprintf(line, sizeof(line), "%s+0x%llx%s%s%s", sym.function,
				 (unsigned long long)sym.offset, sym.module[0] ? " [" : "",
				 sym.module, sym.module[0] ? "]" : "");
		json_array_append_new(list, out_text(line));
	}
	return list;
}

static void on_trace(const struct tl_trace_key *key, const struct tl_trace_count *n,
		     const uint64_t *stack, unsigned int depth, void *arg)
{
	struct request *rq = arg;
	struct ksym site;
	struct class_out c;
	const char *reason = reason_name(rq->reasons, key->reason);

	ksym_find(rq->syms, key->location, &site);
	class_of(&(struct class_in){ reason, site.function, key->kind, key->ingress }, &c);
	if (!c.class || (rq->class && strcasecmp(rq->class, c.class) != 0 &&
			 strcasecmp(rq->class, reason) != 0))
		return;
	if (class_copy(&c) && !rq->class)
		return;
	if (!strcmp(c.class, "PURGE"))
		rq->purged += n->frames;
	else
		rq->frames += n->frames;
	if (!depth)
		rq->stackless += n->frames;
	json_array_append_new(
		rq->rows, json_pack("{so ss ss ss ss so so so so}", "nic",
				    out_text(name_of(rq, key)), "direction", c.direction, "class",
				    c.class, "kernel_reason", reason, "kind", c.kind, "site",
				    out_text(site.function), "frames", out_int(n->frames), "bytes",
				    out_int(n->bytes), "stack", stack_array(rq, stack, depth)));
}

static int most_first(const void *a, const void *b)
{
	json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	json_int_t nx = json_integer_value(json_object_get(x, "frames")),
		   ny = json_integer_value(json_object_get(y, "frames"));

	return nx == ny ? 0 : nx > ny ? -1 : 1;
}

static void sort(struct request *rq)
{
	size_t n = json_array_size(rq->rows);
	json_t **at = calloc(n + 1, sizeof(*at)), *out = json_array();

	if (!at || !out)
		abort();
	for (size_t i = 0; i < n; i++)
		at[i] = json_array_get(rq->rows, i);
	qsort(at, n, sizeof(*at), most_first);
	for (size_t i = 0; i < n; i++)
		json_array_append(out, at[i]);
	free(at);
	json_decref(rq->rows);
	rq->rows = out;
}

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void print_stack(const struct request *rq, const json_t *row)
{
	_cleanup_(freep) char *nic = text_safe(text_of(row, "nic"));
	json_int_t frames = json_integer_value(json_object_get(row, "frames"));
	const json_t *stack = json_object_get(row, "stack"), *line;
	char n[32], pct[32];
	size_t i;

	printf("\n%s frames (%s)  %s %s %s, %s %s\n", text_count(n, (unsigned long long)frames),
	       text_percent(pct, (double)frames * 100 / (double)(rq->frames + rq->purged)), nic,
	       text_of(row, "direction"), text_of(row, "class"), text_of(row, "kernel_reason"),
	       text_of(row, "kind"));
	json_array_foreach(stack, i, line)
		printf("    %s\n", json_string_value(line));
	if (!json_array_size(stack))
		printf("    at %s (the rest of the stack was not recorded)\n",
		       text_of(row, "site"));
}

static void print_text(const struct request *rq, const struct trace *t)
{
	char span[128], n[32];
	const json_t *row;
	size_t i;

	printf("%s\n", text_span(span, rq->since_ns, rq->until_ns));
	if (rq->frames)
		printf("%s frames lost", text_count(n, rq->frames));
	else
		fputs("no loss", stdout);
	if (rq->purged)
		printf("; besides, %s in rings that were emptied (PURGE), which is not loss",
		       text_count(n, rq->purged));
	putchar('\n');
	json_array_foreach(rq->rows, i, row)
		if (i < rq->limit)
			print_stack(rq, row);
	if (json_array_size(rq->rows) > rq->limit)
		printf("\n%zu more stacks: --limit 0 shows all\n",
		       json_array_size(rq->rows) - rq->limit);
	if (trace_uncounted(t))
		printf("\n%s more lost frames were not counted, because the BPF map was full.\n",
		       text_count(n, trace_uncounted(t)));
	if (trace_missed(t))
		printf("\n%s drops, of any device, were not examined.\n",
		       text_count(n, trace_missed(t)));
}

/* A stack in one cell, callers first, as flame graphs are made of. */
static void fold(json_t *rows)
{
	json_t *row, *line;
	size_t i, k;

	json_array_foreach(rows, i, row) {
		json_t *stack = json_object_get(row, "stack");
		char text[TL_TRACE_DEPTH * 128] = "";
		size_t n = json_array_size(stack), at = 0;

		for (k = 0; k < n && at < sizeof(text); k++) {
			line = json_array_get(stack, n - 1 - k);
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", k ? ";" : "",
					       json_string_value(line));
		}
		json_object_set_new(row, "stack", out_text(text));
	}
}

static int print(struct request *rq, const struct trace *t)
{
	static const struct column columns[] = {
		{ "nic", "", COL_NAME },     { "direction", "", COL_TEXT },
		{ "class", "", COL_TEXT },   { "kernel_reason", "", COL_TEXT },
		{ "kind", "", COL_TEXT },    { "site", "", COL_TEXT },
		{ "frames", "", COL_COUNT }, { "bytes", "", COL_BYTES },
		{ "stack", "", COL_TEXT },
	};

	sort(rq);
	switch (rq->g.format) {
	case FORMAT_JSON:
		return out_json(json_pack("{so so so so so so so so so sO}", "vm", out_text(rq->vm),
					  "uuid", out_text(rq->uuid), "since_ns",
					  out_int(rq->since_ns), "until_ns", out_int(rq->until_ns),
					  "frames", out_int(rq->frames), "purged_frames",
					  out_int(rq->purged), "stackless_frames",
					  out_int(rq->stackless), "uncounted_frames",
					  out_int(trace_uncounted(t)), "missed_events",
					  out_int(trace_missed(t)), "stacks", rq->rows));
	case FORMAT_CSV:
		fold(rq->rows);
		out_csv(columns, ARRAY_SIZE(columns), rq->rows);
		break;
	default:
		print_text(rq, t);
	}
	return out_done();
}

static int answer(struct request *rq)
{
	struct trace *t = NULL;
	char why[256];
	int r = trace_open(&t, why), status = EXIT_FAILED;

	if (r < 0) {
		message_error("trace: %s", why);
		return EXIT_FAILED;
	}
	if (find_devices(rq) == 0 && count(rq, t) == 0) {
		/* Names cost time, and can be had afterwards. */
		if (ksyms_new(&rq->syms) < 0)
			message_error("trace: names of kernel functions are unavailable; run with "
				      "CAP_SYSLOG and set kernel.kptr_restrict to 0 or 1");
		if (reasons_new(&rq->reasons) < 0)
			message_error("trace: this kernel does not provide the names of its drop "
				      "reasons");
		rq->rows = json_array();
		r = trace_read(t, on_trace, rq);
		if (r < 0)
			message_error("trace: cannot read the stacks: %s", strerror(-r));
		else
			status = print(rq, t);
		json_decref(rq->rows);
	}
	trace_close(t);
	ksyms_free(rq->syms);
	reasons_free(rq->reasons);
	free(rq->vm);
	free(rq->uuid);
	return status;
}

enum { OPT_SECONDS = OPT_OWN, OPT_LIMIT };

static int own_option(void *arg, int opt, const char *value)
{
	struct request *rq = arg;
	int r;

	switch (opt) {
	case OPT_SECONDS:
		return number_option("--seconds", value, 1, 86400, &rq->seconds);
	case OPT_LIMIT:
		r = number_option("--limit", value, 0, UINT64_MAX, &rq->limit);
		rq->limit = rq->limit ? rq->limit : UINT64_MAX;
		return r;
	case OPT_NIC:
		rq->nic = value;
		return 1;
	case OPT_CLASS:
		rq->class = value;
		return 1;
	default:
		return 0;
	}
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = {
		GLOBAL_OPTIONS,
		{ "seconds", required_argument, NULL, OPT_SECONDS },
		{ "class", required_argument, NULL, OPT_CLASS },
		{ "nic", required_argument, NULL, OPT_NIC },
		{ "limit", required_argument, NULL, OPT_LIMIT },
		{ 0 }
	};
	_cleanup_(freep) struct request *rq = calloc(1, sizeof(*rq));
	const struct options o = {
		.cmd = &cmd_trace,
		.table = options,
		.global = &rq->g,
		.own = own_option,
		.arg = rq,
	};
	int status;

	if (!rq)
		abort();
	*rq = (struct request){ .g = *g, .seconds = 10, .limit = LIMIT };
	if (!options_read(&o, argc, argv, &status))
		return status;
	if (argc - optind != 1)
		return usage_error(&cmd_trace, "expected one VM or one tap");
	rq->what = argv[optind];
	return answer(rq);
}

static const char details[] =
	"  --seconds N      stop after N seconds, or on Ctrl-C (default: 10)\n"
	"  --class C        only this class (PTR_FULL) or kernel drop reason (FULL_RING)\n"
	"  --nic NAME       only this tap of the VM\n"
	"  --limit N        show the N most frequent stacks; 0: all (default: 10)\n";

const struct cmd cmd_trace = {
	.name = "trace",
	.args = "VM|TAP",
	.help = "show the kernel stacks in which a VM loses frames",
	.details = details,
	.run = run,
};
