/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "collector/capture/pcapng_read.h"
#include "ctl/options/options.h"
#include "ctl/options/usage.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "commands.h"

struct answer {
	struct global g;
	json_t *rows, *vm_rows;
};

static void on_gap(const struct pcapng_gap *gap, void *arg)
{
	struct answer *a = arg;

	json_array_append_new(
		a->rows,
		json_pack("{so so so so so sb so so so}", "interface",
			  out_text(*gap->name ? gap->name : NULL), "interface_id",
			  out_int(gap->interface), "frames_lost", out_int(gap->lost), "after_frame",
			  out_int(gap->lo), "before_frame",
			  gap->hi ? out_int(gap->hi) : json_null(), "exact", gap->exact,
			  "file_frame", gap->number ? out_int(gap->number) : json_null(),
			  "after_ns", gap->before_ns ? out_int(gap->before_ns) : json_null(),
			  "before_ns", gap->after_ns ? out_int(gap->after_ns) : json_null()));
}

/* Its "key=value" words become members. */
static void on_vm_loss(const struct pcapng_vm_loss *loss, void *arg)
{
	struct answer *a = arg;
	json_t *row = json_pack("{so so so}", "interface",
				out_text(*loss->name ? loss->name : NULL), "interface_id",
				out_int(loss->interface), "frames_lost", out_int(loss->lost));
	_cleanup_(freep) char *text = strdup(loss->words);
	char *rest = NULL, *value;

	if (!row || !text)
		abort();
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		value = strchr(word, '=');
		if (!value)
			continue;
		*value++ = '\0';
		json_object_set_new(row, word, out_text(value));
	}
	json_array_append_new(a->vm_rows, row);
}

static unsigned long long int_of(const json_t *row, const char *key)
{
	return (unsigned long long)json_integer_value(json_object_get(row, key));
}

static void print_row(const json_t *row)
{
	const char *raw = json_string_value(json_object_get(row, "interface"));
	_cleanup_(freep) char *name = text_safe(raw ? raw : "interface");
	unsigned long long lost = int_of(row, "frames_lost");
	bool exact = json_is_true(json_object_get(row, "exact")),
	     last = json_is_null(json_object_get(row, "before_frame"));
	char n[32], lo[32], hi[32], t[64];

	printf("%s: %s frame%s lost ", name, text_count(n, lost), lost == 1 ? "" : "s");
	if (last && exact)
		printf("after frame %s, the last one", text_count(lo, int_of(row, "after_frame")));
	else if (last)
		printf("at unknown places");
	else
		printf("%s frame %s and frame %s", exact ? "between" : "somewhere between",
		       text_count(lo, int_of(row, "after_frame")),
		       text_count(hi, int_of(row, "before_frame")));
	if (!last && int_of(row, "before_ns"))
		printf("  (%s, within %s)", text_clock(t, int_of(row, "before_ns"), NSEC_PER_MSEC),
		       text_duration(n, int_of(row, "before_ns") > int_of(row, "after_ns") &&
							int_of(row, "after_ns")
						? int_of(row, "before_ns") - int_of(row, "after_ns")
						: 0));
	putchar('\n');
}

static void print_vm_row(const json_t *row)
{
	static const char *const keys[] = { "class", "reason", "place", "direction",
					    "queue", "first",  "last" };
	const char *raw = json_string_value(json_object_get(row, "interface"));
	_cleanup_(freep) char *name = text_safe(raw ? raw : "interface");
	unsigned long long lost = int_of(row, "frames_lost");
	char n[32];

	printf("%s: %s frame%s lost by the VM, not by the capture:", name, text_count(n, lost),
	       lost == 1 ? "" : "s");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = json_string_value(json_object_get(row, keys[i]));
		_cleanup_(freep) char *safe = text_safe(value ? value : "-");

		if (value)
			printf(" %s %s", keys[i], safe);
	}
	putchar('\n');
}

static int print(struct answer *a, const struct pcapng_summary *sum)
{
	static const struct column columns[] = {
		{ "interface", "", COL_NAME },	   { "interface_id", "", COL_NUMBER },
		{ "frames_lost", "", COL_COUNT },  { "after_frame", "", COL_COUNT },
		{ "before_frame", "", COL_COUNT }, { "exact", "", COL_TEXT },
		{ "file_frame", "", COL_COUNT },   { "after_ns", "", COL_COUNT },
		{ "before_ns", "", COL_COUNT },
	};
	json_t *row;
	size_t i;
	char n[32], m[32], k[32];

	if (a->g.format == FORMAT_JSON)
		return out_json(json_pack("{so so so sb so sO sO}", "frames", out_int(sum->frames),
					  "frames_lost", out_int(sum->lost), "interfaces",
					  out_int(sum->interfaces), "cut", sum->cut,
					  "vm_frames_lost", out_int(sum->vm_lost), "gaps", a->rows,
					  "vm_losses", a->vm_rows));
	if (a->g.format == FORMAT_CSV) {
		json_array_foreach(a->rows, i, row)
			json_object_set_new(row, "exact",
					    out_text(json_is_true(json_object_get(row, "exact"))
							     ? "true"
							     : "false"));
		out_csv(columns, ARRAY_SIZE(columns), a->rows);
		return out_done();
	}
	json_array_foreach(a->rows, i, row)
		print_row(row);
	json_array_foreach(a->vm_rows, i, row)
		print_vm_row(row);
	printf("%s frames, %s lost in %s gaps%s\n", text_count(n, sum->frames),
	       text_count(m, sum->lost), text_count(k, sum->gaps),
	       sum->cut ? "; the file ends within a block" : "");
	if (sum->statistics < sum->interfaces)
		puts("no statistics at the end of the file: loss after the last frame is unknown");
	return out_done();
}

static int answer(struct answer *a, const char *path)
{
	struct pcapng_summary sum = { 0 };
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	int r, status = EXIT_FAILED;

	if (!f) {
		message_error("gaps: cannot open %.200s: %s", path, strerror(errno));
		return EXIT_FAILED;
	}
	a->rows = json_array();
	a->vm_rows = json_array();
	r = pcapng_read(f, on_gap, on_vm_loss, a, &sum);
	if (r == -EINVAL)
		message_error("gaps: %.200s is not a pcapng file; other formats, such as pcap, do "
			      "not record losses",
			      path);
	else if (r == -EBADMSG)
		message_error("gaps: %.200s is damaged after frame %llu", path,
			      (unsigned long long)sum.frames);
	else if (r < 0)
		message_error("gaps: cannot read %.200s: %s", path, strerror(-r));
	else
		status = print(a, &sum);
	if (status == EXIT_OK && sum.lost)
		status = EXIT_FOUND;
	json_decref(a->rows);
	json_decref(a->vm_rows);
	if (f != stdin)
		fclose(f);
	return status;
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS, { 0 } };
	struct answer a = { .g = *g };
	const struct options o = { .cmd = &cmd_gaps, .table = options, .global = &a.g };
	int status;

	if (!options_read(&o, argc, argv, &status))
		return status;
	if (argc - optind != 1)
		return usage_error(&cmd_gaps, "expected one FILE, or - for standard input");
	return answer(&a, argv[optind]);
}

static const char details[] =
	"FILE is pcapng; -: standard input. The exit status is 3 if frames were lost.\n";

const struct cmd cmd_gaps = {
	.name = "gaps",
	.args = "FILE",
	.help = "list where a capture file reports lost frames",
	.details = details,
	.run = run,
};
