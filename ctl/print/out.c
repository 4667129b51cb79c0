/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "out.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "collector/base.h"
#include "ctl/print/message.h"
#include "text.h"

/* Of a name in a table on a terminal of @columns. */
static size_t name_columns(int columns)
{
	return columns == 0 ? 0 : columns < 120 ? 20 : 32;
}

int out_columns(void)
{
	struct winsize ws;

	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col ? ws.ws_col : 80;
}

json_t *out_int(uint64_t n)
{
	json_t *j = json_integer((json_int_t)n);

	if (!j)
		abort();
	return j;
}

json_t *out_text(const char *text)
{
	_cleanup_(freep) char *safe = NULL;
	json_t *j = text ? json_string(text) : json_null();

	if (!j) {	/* not UTF-8: nothing that an agent wrote */
		safe = text_safe(text);
		j = json_string(safe);
	}
	if (!j)
		abort();
	return j;
}

/* What a cell shows; the caller frees it. */
static char *cell_text(const struct column *col, const json_t *v)
{
	char buf[64] = "";

	if (!v || json_is_null(v))
		return strdup("-");
	if (json_is_string(v))
		return text_short(json_string_value(v),
				  col->type == COL_NAME ? name_columns(out_columns()) : 0);
	if (json_is_boolean(v))
		return strdup(json_is_true(v) ? "yes" : "no");
	switch (col->type) {
	case COL_COUNT:
		if (json_integer_value(v) < 0) {
			buf[0] = '-';
			text_count(buf + 1, (unsigned long long)-json_integer_value(v));
		} else {
			text_count(buf, (unsigned long long)json_integer_value(v));
		}
		break;
	case COL_BYTES:
		text_bytes(buf, (unsigned long long)json_integer_value(v));
		break;
	case COL_PERCENT:
		text_percent(buf, json_number_value(v));
		break;
	case COL_TIME:
		text_time(buf, (unsigned long long)json_integer_value(v));
		break;
	default:
		snprintf(buf, sizeof(buf), "%lld", (long long)json_integer_value(v));
	}
	return strdup(buf);
}

static bool used(const struct column *col, const json_t *rows)
{
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row)
		if (json_object_get(row, col->key))
			return true;
	return false;
}

static void add_row(struct libscols_table *tb, const struct column *cols, const size_t *shown,
		    size_t n, const json_t *row)
{
	struct libscols_line *line = scols_table_new_line(tb, NULL);

	for (size_t i = 0; line && i < n; i++) {
		const struct column *col = &cols[shown[i]];

		/* freed with the table */
		scols_line_refer_data(line, i, cell_text(col, json_object_get(row, col->key)));
	}
}

void out_table(const struct global *g, const struct column *cols, size_t n, const json_t *rows)
{
	struct libscols_table *tb = scols_new_table();
	size_t shown[64], m = 0, i;
	json_t *row;

	if (!tb)
		abort();
	scols_table_enable_colors(tb, g->color);
	/* cells are safe by now; it would write their backslashes as \\x5c */
	scols_table_enable_noencoding(tb, 1);
	for (i = 0; i < n && m < ARRAY_SIZE(shown); i++) {
		struct libscols_column *c;
		static const int flags[] = { [COL_NAME] = 0,
					     [COL_TEXT] = 0,
					     [COL_LONG] = SCOLS_FL_TRUNC,
					     [COL_COUNT] = SCOLS_FL_RIGHT,
					     [COL_BYTES] = SCOLS_FL_RIGHT,
					     [COL_PERCENT] = SCOLS_FL_RIGHT,
					     [COL_TIME] = 0,
					     [COL_NUMBER] = SCOLS_FL_RIGHT };

		if (!used(&cols[i], rows))
			continue;
		c = scols_table_new_column(tb, cols[i].header, 0, flags[cols[i].type]);
		if (c && g->color)
			scols_cell_set_color(scols_column_get_header(c), "bold");
		shown[m++] = i;
	}
	if (!out_columns()) {
		scols_table_set_termforce(tb, SCOLS_TERMFORCE_NEVER);
		scols_table_enable_nowrap(tb, 1);
	}
	json_array_foreach(rows, i, row)
		add_row(tb, cols, shown, m, row);
	scols_print_table(tb);
	scols_unref_table(tb);
}

static void csv_text(const char *text)
{
	_cleanup_(freep) char *safe = text_safe(text);

	if (strchr("=+-@", safe[0]) && safe[0])
		printf("\"'");
	else if (strpbrk(safe, ",\""))
		putchar('"');
	else {
		fputs(safe, stdout);
		return;
	}
	for (const char *c = safe; *c; c++)
		printf(*c == '"' ? "\"\"" : "%c", *c);
	putchar('"');
}

static void csv_cell(const json_t *v)
{
	if (json_is_string(v))
		csv_text(json_string_value(v));
	else if (json_is_integer(v))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		printf("%.6g", json_real_value(v));
	else if (json_is_boolean(v))
		fputs(json_is_true(v) ? "true" : "false", stdout);
}

void out_csv(const struct column *cols, size_t n, const json_t *rows)
{
	size_t i;
	json_t *row;

	for (size_t c = 0; c < n; c++)
		printf("%s%s", c ? "," : "", cols[c].key);
	fputs("\r\n", stdout);
	json_array_foreach(rows, i, row) {
		for (size_t c = 0; c < n; c++) {
			if (c)
				putchar(',');
			csv_cell(json_object_get(row, cols[c].key));
		}
		fputs("\r\n", stdout);
	}
}

int out_json(json_t *root)
{
	int r = json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(8));

	json_decref(root);
	putchar('\n');
	if (r < 0) {
		message_error("cannot write the answer as JSON");
		return EXIT_FAILED;
	}
	return out_done();
}

int out_done(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_OK;
	message_error("cannot write to standard output: %s", strerror(errno));
	return EXIT_FAILED;
}
