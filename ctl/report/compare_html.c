/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "html.h"

#include <string.h>

#include "collector/base.h"
#include "ctl/print/text.h"
#include "page.h"

static const char method[] =
	"<dl><dt>Share lost</dt><dd>Lost frames divided by offered frames (delivered and lost), in "
	"the observed whole hours of the period.</dd>\n"
	"<dt>Change</dt><dd>The difference of the two shares, in percentage points. Its interval "
	"is the middle 95 % of 1,000 differences between hours drawn at random from each period "
	"(bootstrap), so it is wider if hours differ more. Consecutive hours are alike: with few "
	"hours, the interval is too narrow.</dd>\n"
	"<dt>Verdict</dt><dd>“Less loss” or “more loss” if the whole interval is on that side of "
	"zero. “Not enough evidence” with fewer than six observed hours in either period, or "
	"without traffic. A change of loss does not show its cause: demand may have changed as "
	"well.</dd></dl>\n";

static void put_span(FILE *f, const json_t *root, const char *name, const char *since,
		     const char *until, const char *hours)
{
	char span[128];

	fprintf(f, "<p>%s: %s, %lld hours observed.</p>\n", name,
		text_span(span,
			  (unsigned long long)json_integer_value(json_object_get(root, since)),
			  (unsigned long long)json_integer_value(json_object_get(root, until))),
		(long long)json_integer_value(json_object_get(root, hours)));
}

/* The host's row, as words. */
static void put_answer(FILE *f, const json_t *row)
{
	const json_t *low = json_object_get(row, "change_low_points"),
		     *high = json_object_get(row, "change_high_points");
	const char *verdict = json_string_value(json_object_get(row, "verdict"));
	const char *tone = !strcmp(verdict, "less loss")   ? "good"
			   : !strcmp(verdict, "more loss") ? "bad"
							   : "warn";

	fprintf(f,
		"<section aria-label=\"In short\" class=\"cards\">\n<div class=\"card "
		"%s\"><b>%s</b><span>the host as a whole</span></div>\n",
		tone, verdict);
	if (json_is_number(low) && json_is_number(high))
		fprintf(f,
			"<div class=\"card\"><b>%+.2g to %+.2g</b><span>change of the share lost, "
			"in percentage points (95 %% interval)</span></div>\n",
			json_number_value(low), json_number_value(high));
	fputs("</section>\n", f);
}

void compare_html(FILE *f, const json_t *root)
{
	static const struct column cols[] = {
		{ "vm", "VM", COL_NAME },
		{ "nic", "NIC", COL_NAME },
		{ "direction", "Dir", COL_TEXT },
		{ "verdict", "Verdict", COL_TEXT },
		{ "before_frames", "Lost before", COL_COUNT },
		{ "after_frames", "Lost after", COL_COUNT },
		{ "before_pct", "Share before", COL_PERCENT },
		{ "after_pct", "Share after", COL_PERCENT },
		{ "change", "Change, points", COL_TEXT },
		{ "interval", "95 % interval, points", COL_TEXT },
	};
	const char *host = json_string_value(json_object_get(root, "host")),
		   *version = json_string_value(json_object_get(root, "version"));
	json_t *rows = json_deep_copy(json_object_get(root, "rows")), *row;
	char made[64];
	size_t i;

	report_html_begin(f, "before and after", host ? host : "–");
	put_span(f, root, "Before", "before_since_ns", "before_until_ns", "before_hours");
	put_span(f, root, "After", "after_since_ns", "after_until_ns", "after_hours");
	fprintf(f, "<p>Made %s by taploss %s.</p>\n",
		text_time(made,
			  (unsigned long long)json_integer_value(json_object_get(root, "made_ns"))),
		version);
	report_html_made_up(f, root);
	fputs("</header>\n<main>\n", f);
	put_answer(f, json_array_get(rows, 0));
	json_array_foreach(rows, i, row) {
		const json_t *low = json_object_get(row, "change_low_points"),
			     *change = json_object_get(row, "change_points");

		if (json_is_number(change))
			json_object_set_new(row, "change",
					    json_sprintf("%+.2g", json_number_value(change)));
		if (json_is_number(low))
			json_object_set_new(row, "interval",
					    json_sprintf("%+.2g to %+.2g", json_number_value(low),
							 json_number_value(json_object_get(
								 row, "change_high_points"))));
	}
	fputs("<section><h2>Did it help?</h2>\n", f);
	page_table(f,
		   &(struct page_table){
			   "compare", "Loss before and after, the host and each NIC and direction",
			   cols, ARRAY_SIZE(cols), rows, 50, "Nothing." });
	fputs("</section>\n", f);
	report_html_end(f, method);
	json_decref(rows);
}
