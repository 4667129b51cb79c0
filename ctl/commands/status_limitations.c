/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status_limitations.h"

#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/options/query.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/query/reader.h"

struct limitations {
	char *kernel;		/* of the newest run; NULL: the agent never ran on this store */
	json_t *rows;
};

static void on_run(const struct reader_run *run, void *arg)
{
	struct limitations *b = arg;

	b->kernel = strdup(run->kernel);
}

static void on_row(const struct reader_limitation *l, void *arg)
{
	struct limitations *b = arg;

	json_array_append_new(b->rows,
			      json_pack("{so so so}", "loss", out_text(l->loss), "why",
					out_text(l->why), "witness", out_text(l->witness)));
}

/* @text behind @label, broken between words at @width columns. */
static void print_wrapped(const char *label, const char *text, int width)
{
	_cleanup_(freep) char *safe = text_safe(text);
	int indent = (int)strlen(label), at = indent;

	fputs(label, stdout);
	for (const char *word = safe; *word;) {
		int n = (int)strcspn(word, " ");

		if (at > indent && at + 1 + n > width) {
			printf("\n%*s", indent, "");
			at = indent;
		} else if (at > indent) {
			putchar(' ');
			at++;
		}
		printf("%.*s", n, word);
		at += n;
		word += n + strspn(word + n, " ");
	}
	putchar('\n');
}

static void print_text(const struct limitations *b, const struct global *g)
{
	_cleanup_(freep) char *kernel = text_safe(b->kernel ? b->kernel : "");
	int width = out_columns() ? out_columns() : 100;
	size_t i;
	json_t *row;

	(void)g;
	if (!b->kernel) {
		puts("unknown: taplossd never ran on this store");
		return;
	}
	printf("losses that cannot be seen on this host, on Linux %s, and what reveals them "
	       "instead:\n",
	       kernel);
	json_array_foreach(b->rows, i, row) {
		putchar('\n');
		print_wrapped("* ", json_string_value(json_object_get(row, "loss")), width);
		print_wrapped("  why      ", json_string_value(json_object_get(row, "why")), width);
		print_wrapped("  witness  ", json_string_value(json_object_get(row, "witness")),
			      width);
	}
}

static int print(const struct limitations *b, const struct global *g)
{
	static const struct column columns[] = { { "loss", "", COL_TEXT },
						 { "why", "", COL_TEXT },
						 { "witness", "", COL_TEXT } };

	if (g->format == FORMAT_JSON)
		return out_json(
			json_pack("{so sO}", "kernel", out_text(b->kernel), "blind", b->rows));
	if (g->format == FORMAT_CSV)
		out_csv(columns, ARRAY_SIZE(columns), b->rows);
	else
		print_text(b, g);
	return out_done();
}

int status_limitations(const struct global *g)
{
	struct limitations b = { .rows = json_array() };
	struct reader *v = query_begin(g->store);
	int status = EXIT_FAILED;

	if (v && reader_newest_run(v, on_run, &b) == 0 && reader_limitations(v, on_row, &b) == 0)
		status = print(&b, g);
	json_decref(b.rows);
	free(b.kernel);
	query_end(v);
	return status;
}
