/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/print/text.h"

static void put_html(FILE *f, const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		case '\'':
			fputs("&#39;", f);
			break;
		default:
			putc(*s, f);
		}
}

void page_text(FILE *f, const char *text)
{
	_cleanup_(freep) char *safe = text_safe(text);

	put_html(f, safe);
}

static bool is_number(enum column_type type)
{
	return type == COL_COUNT || type == COL_BYTES || type == COL_PERCENT || type == COL_NUMBER;
}

/* Near the ends each digit counts: 99.97 % is not all, 0.004 % not nothing. */
static const char *percent(char buf[static 128], double pct)
{
	char small[32];

	if (pct > 0 && pct < 0.1)
		snprintf(buf, 128, "%s", text_percent(small, pct));
	else
		snprintf(buf, 128, "%.*f %%", pct > 99.9 && pct < 100 ? 3 : 1, pct);
	return buf;
}

/* What is shown; numbers as people read them. */
static const char *shown(const struct column *c, const json_t *value, char buf[static 128])
{
	char small[64];

	if (json_is_string(value))
		return json_string_value(value);
	if (!value || json_is_null(value))
		return "–";
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	switch (c->type) {
	case COL_BYTES:
		return text_bytes(buf, (unsigned long long)json_integer_value(value));
	case COL_PERCENT:
		return percent(buf, json_number_value(value));
	case COL_TIME:
		snprintf(buf, 128, "%.10s",
			 text_time(small, (unsigned long long)json_integer_value(value)));
		return buf;
	case COL_NUMBER:
		snprintf(buf, 128, "%.1f", json_number_value(value));
		return buf;
	default:
		return text_count(buf, (unsigned long long)json_integer_value(value));
	}
}

/* A long one is cut; the whole of it is shown when pointed at. */
static void put_name(FILE *f, const char *name)
{
	_cleanup_(freep) char *whole = text_safe(name), *cut = text_short(name, 24);

	if (strcmp(whole, cut) != 0) {
		fputs(" title=\"", f);
		put_html(f, whole);
		putc('"', f);
	}
	putc('>', f);
	put_html(f, cut);
}

static void put_cell(FILE *f, const struct column *c, const json_t *value, bool head)
{
	char buf[128];
	const char *tag = head ? "th scope=\"row\"" : "td";

	fprintf(f, "<%s%s", tag,
		is_number(c->type)    ? " class=\"n\""
		: c->type == COL_LONG ? " class=\"w\""
				      : "");
	if (json_is_number(value))
		fprintf(f, " data-v=\"%.15g\"", json_number_value(value));
	if (c->type == COL_NAME && json_is_string(value)) {
		put_name(f, json_string_value(value));
	} else {
		putc('>', f);
		page_text(f, shown(c, value, buf));
	}
	fprintf(f, "</%s>", head ? "th" : "td");
}

static bool is_used(const struct column *c, const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const json_t *value = json_object_get(row, c->key);

		if (value && !json_is_null(value))
			return true;
	}
	return false;
}

static void put_head(FILE *f, const struct page_table *t, const bool *used)
{
	fprintf(f, "<table id=\"%s\"><caption>%s</caption><thead><tr>", t->id, t->caption);
	for (size_t k = 0; k < t->n_cols; k++)
		if (used[k])
			fprintf(f,
				"<th scope=\"col\"%s aria-sort=\"none\"><button "
				"type=\"button\">%s</button></th>",
				is_number(t->cols[k].type) ? " class=\"n\"" : "",
				t->cols[k].header);
	fputs("</tr></thead><tbody>\n", f);
}

void page_table(FILE *f, const struct page_table *t)
{
	size_t n = json_array_size(t->rows), i;
	bool used[64] = { false };
	const json_t *row;

	if (!n) {
		fprintf(f, "<p class=\"none\">%s</p>\n", t->none);
		return;
	}
	for (size_t k = 0; k < t->n_cols; k++)
		used[k] = is_used(&t->cols[k], t->rows);
	/* A region that scrolls must be reachable by keyboard. */
	fprintf(f, "<div class=\"table%s\" role=\"region\" aria-label=\"%s\" tabindex=\"0\">",
		t->limit && n > t->limit ? " cut" : "", t->caption);
	put_head(f, t, used);
	json_array_foreach(t->rows, i, row) {
		bool head = true;

		fprintf(f, "<tr%s>", t->limit && i >= t->limit ? " class=\"more\"" : "");
		for (size_t k = 0; k < t->n_cols; k++)
			if (used[k]) {
				put_cell(f, &t->cols[k], json_object_get(row, t->cols[k].key),
					 head);
				head = false;
			}
		fputs("</tr>\n", f);
	}
	fputs("</tbody></table></div>\n", f);
	if (t->limit && n > t->limit)
		fprintf(f,
			"<p class=\"all\"><button type=\"button\" data-all=\"%s\">Show all %zu "
			"rows</button> <label>Find <input type=\"search\" "
			"data-find=\"%s\"></label></p>\n",
			t->id, n, t->id);
}

void page_data(FILE *f, const char *id, const json_t *data)
{
	_cleanup_(freep) char *text = json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(6));

	if (!text)
		abort();
	fprintf(f, "<script type=\"application/json\" id=\"%s\">", id);
	for (const char *p = text; *p; p++)
		if (*p == '<')
			fputs("\\u003c", f);
		else
			putc(*p, f);
	fputs("</script>\n", f);
}
