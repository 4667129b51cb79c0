/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The capacity report's page: loss. */
#include "html_priv.h"

#include <stdlib.h>

#include "ctl/print/text.h"

void html_advice(FILE *f, const json_t *root)
{
	static const struct column cols[] = {
		{ "class", "Class", COL_TEXT },
		{ "kernel_reason", "Kernel drop reason", COL_TEXT },
		{ "direction", "Dir", COL_TEXT },
		{ "kind", "Kind", COL_TEXT },
		{ "frames", "Frames", COL_COUNT },
		{ "worth_pct", "Share of harmful loss", COL_PERCENT },
		{ "fix", "What helps", COL_LONG },
	};
	json_t *rows = those(json_object_get(root, "classes"), is_harmful);

	fputs("<section><h2>Why frames were lost, and what to change</h2>\n", f);
	put_table(f, "advice", "Harmful loss, by cause", cols, ARRAY_SIZE(cols), rows, 0,
		  "No frame was lost to lack of capacity or to a fault.");
	fputs("</section>\n", f);
	json_decref(rows);
}

static void put_fix(FILE *f, const char *where, const char *fix, bool *first)
{
	if (!fix)
		return;
	fprintf(f, "%s%s: %s", *first ? "" : "; ", where, fix);
	*first = false;
}

/* New reference: verdicts with their time and all that helps in words. */
static json_t *in_words(const json_t *verdicts)
{
	json_t *rows = json_array();
	const json_t *row;
	size_t i, size;

	json_array_foreach (verdicts, i, row) {
		_cleanup_(freep) char *helps = NULL;
		json_t *o = json_copy((json_t *)row);
		FILE *f = open_memstream(&helps, &size);
		char span[128];
		bool first = true;

		if (!f)
			abort();
		put_fix(f, "host", json_string_value(json_object_get(row, "fix_host")), &first);
		put_fix(f, "libvirt", json_string_value(json_object_get(row, "fix_xml")), &first);
		put_fix(f, "guest", json_string_value(json_object_get(row, "fix_guest")), &first);
		if (fclose(f))
			abort();
		json_object_set_new(o, "when",
				    json_string(text_span(span, number(row, "from_ns"),
							  number(row, "to_ns"))));
		json_object_set_new(o, "helps", out_text(*helps ? helps : NULL));
		json_array_append_new(rows, o);
	}
	return rows;
}

void html_verdicts(FILE *f, const json_t *root)
{
	static const struct column cols[] = {
		{ "vm", "VM", COL_NAME },
		{ "nic", "NIC", COL_NAME },
		{ "direction", "Dir", COL_TEXT },
		{ "when", "When", COL_LONG },
		{ "title", "What was wrong", COL_LONG },
		{ "confidence", "Confidence", COL_TEXT },
		{ "frames", "Frames", COL_COUNT },
		{ "helps", "What helps", COL_LONG },
	};
	json_t *rows = in_words(json_object_get(root, "verdicts"));
	char step[32];

	fprintf(f,
		"<section><h2>What was wrong, and when</h2>\n<p>Verdicts on the five VMs with the "
		"most loss, in steps of %s: one row for each cause, for as long as it lasted. Days "
		"that are stored per minute have no bursts, so their verdicts are less certain. "
		"<code>taplossctl diagnose VM</code> shows the evidence.</p>\n",
		text_duration(step, number(root, "verdict_step_ns")));
	put_table(f, "verdicts", "Verdicts over time", cols, ARRAY_SIZE(cols), rows, 25,
		  "No VM had harmful loss.");
	fputs("</section>\n", f);
	json_decref(rows);
}

/* A row a day (or a step): what the chart shows, in numbers. */
static json_t *by_day(const json_t *root)
{
	static const char *const keys[] = { "capacity", "fault", "policy", "lifecycle" };
	json_t *days = json_array(), *day = NULL;
	const json_t *row;
	uint64_t at = 0;
	size_t i;

	json_array_foreach (json_object_get(root, "over_time"), i, row) {
		uint64_t d = (number(row, "t_ns") - 1) / NSEC_PER_DAY;

		if (!day || d != at) {
			day = json_pack("{sI}", "t_ns", (json_int_t)(d * NSEC_PER_DAY));
			json_array_append_new(days, day);
			at = d;
		}
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			json_object_set_new(day, keys[k],
					    json_integer((json_int_t)(number(day, keys[k]) +
								      number(row, keys[k]))));
	}
	return days;
}

void html_over_time(FILE *f, const json_t *root)
{
	static const struct column cols[] = { { "t_ns", "Day (UTC)", COL_TIME },
					      { "capacity", "Capacity", COL_COUNT },
					      { "fault", "Fault", COL_COUNT },
					      { "policy", "Policy", COL_COUNT },
					      { "lifecycle", "Lifecycle", COL_COUNT } };
	json_t *days = by_day(root);

	fputs("<section><h2>Loss over time</h2>\n<figure><div class=\"chart\" id=\"chart-time\" "
	      "role=\"img\" aria-label=\"Frames lost over time, by kind; the table below has the "
	      "numbers\"></div>"
	      "<figcaption>Frames lost at the taps, by kind. Drag to zoom, double click to go "
	      "back.</figcaption></figure>\n",
	      f);
	put_table(f, "days", "Frames lost, by day and kind", cols, ARRAY_SIZE(cols), days, 14,
		  "No loss in this window.");
	fputs("</section>\n", f);
	page_data(f, "data-time", json_object_get(root, "over_time"));
	json_decref(days);
}

/* For cells that are narrow. */
static const char *text_large(char buf[static 32], unsigned long long n)
{
	static const char units[] = " kMG";
	double v = (double)n;
	int u = 0;

	for (; v >= 9999.5 / (u ? 10 : 1) && u < 3; u++)
		v /= 1000;
	snprintf(buf, 32,
		 u && v < 9.95 ? "%.1f %c"
		 : u	       ? "%.0f %c"
		 : n	       ? "%.0f"
			       : "·",
		 v, units[u]);
	return buf;
}

void html_heat(FILE *f, const json_t *root)
{
	const json_t *rows = json_object_get(root, "heat"), *row, *cell;
	unsigned long long most = 0;
	char buf[32], large[32];
	size_t i, h;

	json_array_foreach (rows, i, row)
		json_array_foreach (json_object_get(row, "frames_by_hour"), h, cell)
			most = (unsigned long long)json_integer_value(cell) > most
				       ? (unsigned long long)json_integer_value(cell)
				       : most;
	fputs("<section><h2>When in the week</h2>\n<div class=\"table\" role=\"region\" "
	      "aria-label=\"Harmful loss by hour of the week\" tabindex=\"0\"><table "
	      "class=\"heat\"><caption>Harmful loss, by local hour of the "
	      "week</caption><thead><tr><td></td>",
	      f);
	for (int hour = 0; hour < 24; hour++)
		fprintf(f, "<th scope=\"col\">%02d</th>", hour);
	fputs("</tr></thead><tbody>\n", f);
	json_array_foreach (rows, i, row) {
		fprintf(f, "<tr><th scope=\"row\">%s</th>", word(row, "weekday"));
		json_array_foreach (json_object_get(row, "frames_by_hour"), h, cell) {
			unsigned long long n = (unsigned long long)json_integer_value(cell);
			int level = n ? 1 + (int)(n * 4 / (most + 1)) : 0;

			fprintf(f, "<td class=\"h%d\" title=\"%s frames\">%s</td>", level,
				text_count(buf, n), text_large(large, n));
		}
		fputs("</tr>\n", f);
	}
	fputs("</tbody></table></div></section>\n", f);
}

void html_vms(FILE *f, const json_t *root)
{
	static const struct column losers[] = {
		{ "vm", "VM", COL_NAME },
		{ "nic", "NIC", COL_NAME },
		{ "harmful_frames", "Frames harmfully lost", COL_COUNT },
		{ "capacity", "Capacity", COL_COUNT },
		{ "fault", "Fault", COL_COUNT },
		{ "benign_frames", "Benign", COL_COUNT },
		{ "main_class", "Mostly", COL_TEXT },
		{ "main_direction", "Dir", COL_TEXT },
		{ "bytes", "Bytes", COL_BYTES },
	};
	static const struct column service[] = {
		{ "vm", "VM", COL_NAME },
		{ "hours_seen", "Busy hours", COL_NUMBER },
		{ "clean_pct", "No loss", COL_PERCENT },
		{ "under_0_01_pct", "≤ 0.01 %", COL_PERCENT },
		{ "under_0_1_pct", "≤ 0.1 %", COL_PERCENT },
		{ "under_1_pct", "≤ 1 %", COL_PERCENT },
		{ "under_5_pct", "≤ 5 %", COL_PERCENT },
	};

	fputs("<section><h2>Who loses</h2>\n", f);
	put_table(f, "vms", "VMs by frames lost", losers, ARRAY_SIZE(losers),
		  json_object_get(root, "vms"), 25, "No VM lost a frame.");
	fputs("<h2>Service levels</h2>\n<p>Share of the time with traffic in which no more than "
	      "that share of frames was lost for want of capacity.</p>\n",
	      f);
	put_table(f, "service", "Time by share of frames lost", service, ARRAY_SIZE(service),
		  json_object_get(root, "service"), 25, "No traffic was seen.");
	fputs("</section>\n", f);
}

void html_unseen(FILE *f, const json_t *root)
{
	static const struct column sources[] = { { "source", "Source", COL_TEXT },
						 { "state", "State", COL_TEXT },
						 { "why", "Why", COL_NAME } };
	const json_t *gap;
	char span[128], buf[32];
	size_t i;

	fputs("<section><h2>What was not seen</h2>\n<ul>\n", f);
	json_array_foreach (json_object_get(root, "gaps"), i, gap)
		fprintf(f, "<li>No data: %s</li>\n",
			text_span(span, number(gap, "from_ns"), number(gap, "to_ns")));
	if (number(root, "gap_count") > i)
		fprintf(f, "<li>and %s more such periods</li>\n",
			text_count(buf, number(root, "gap_count") - i));
	fprintf(f, "<li>Lost frames that were not counted, because the BPF map was full: %s</li>\n",
		text_count(buf, number(root, "uncounted_frames")));
	fprintf(f, "<li>Lost frames that masks leave out: %s</li>\n",
		text_count(buf, number(root, "masked_frames")));
	fprintf(f, "<li>Frames lost before they reached a tap: %s; in rings that were emptied: ",
		text_count(buf, number(root, "path_frames")));
	fprintf(f, "%s</li>\n", text_count(buf, number(root, "purged_frames")));
	fputs("<li>Losses inside the guest, and losses for which the kernel reports no reason; "
	      "<code>taplossctl audit</code> shows the latter.</li>\n</ul>\n",
	      f);
	put_table(f, "sources", "Data sources that do not work now", sources,
		  ARRAY_SIZE(sources), json_object_get(root, "not_ok"), 0,
		  "All data sources work now.");
	fputs("</section>\n", f);
}
