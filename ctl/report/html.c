/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "html.h"

#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/print/text.h"
#include "page.h"

static const char style[] =
#include "ctl/report/page/report.css.h"
#include "ctl/report/third_party/uPlot.min.css.h"
	;
static const char uplot[] =
#include "ctl/report/third_party/uPlot.iife.min.js.h"
	;
static const char script[] =
#include "ctl/report/page/report.js.h"
	;
static const char licence[] =
#include "ctl/report/third_party/uPlot.LICENSE.h"
	;
static const char method[] =
#include "ctl/report/page/method.html.h"
	;

static unsigned long long number(const json_t *o, const char *key)
{
	return (unsigned long long)json_integer_value(json_object_get(o, key));
}

static const char *word(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "–";
}

static size_t count_verdict(const json_t *root, const char *verdict)
{
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach(json_object_get(root, "nics"), i, row)
		n += !strcmp(word(row, "verdict"), verdict);
	return n;
}

static size_t count_losers(const json_t *root)
{
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach(json_object_get(root, "vms"), i, row)
		n += number(row, "harmful_frames") > 0;
	return n;
}

static void put_card(FILE *f, const char *value, const char *label, const char *tone)
{
	fprintf(f, "<div class=\"card %s\"><b>%s</b><span>%s</span></div>\n", tone, value, label);
}

static void put_count(FILE *f, size_t n, const char *label, const char *tone)
{
	char buf[32];

	put_card(f, text_count(buf, n), label, n ? tone : "good");
}

void report_html_begin(FILE *f, const char *title, const char *host)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta "
	      "name=\"color-scheme\" content=\"light dark\">\n",
	      f);
	fprintf(f, "<title>%c%s of ", title[0] - 'a' + 'A', title + 1);
	page_text(f, host);
	fprintf(f,
		"</title>\n<style>%s</style></head>\n<body><header><h1>Packets lost between host "
		"and guest: %s of ",
		style, title);
	page_text(f, host);
	fputs("</h1>\n", f);
}

void report_html_made_up(FILE *f, const json_t *root)
{
	if (json_is_true(json_object_get(root, "made_up")))
		fputs("<p class=\"banner\" role=\"note\">MADE-UP HISTORY: written by a generator "
		      "for tests, not measured on any host.</p>\n",
		      f);
}

void report_html_end(FILE *f, const char *how)
{
	fprintf(f,
		"<section><h2>How the numbers are "
		"made</h2>\n%s</section>\n</main>\n<footer><details><summary>Charts: uPlot, MIT "
		"licence</summary><pre>",
		how);
	page_text(f, licence);
	fprintf(f,
		"</pre></details></footer>\n<script>%s</script>\n<script>%s</script>\n</body></"
		"html>\n",
		uplot, script);
}

static void put_head(FILE *f, const json_t *root)
{
	char span[128], made[64], buf[32], pct[32];
	double covered = json_number_value(json_object_get(root, "coverage_pct"));

	report_html_begin(f, "capacity", word(root, "host"));
	fprintf(f, "<p>%s, %s observed. Made %s by taploss %s.</p>\n",
		text_span(span, number(root, "since_ns"), number(root, "until_ns")),
		text_percent(pct, covered), text_time(made, number(root, "made_ns")),
		word(root, "version"));
	report_html_made_up(f, root);
	fputs("</header>\n<main>\n<section aria-label=\"In short\" class=\"cards\">\n", f);
	put_card(f, text_count(buf, number(root, "harmful_frames")), "frames lost that did harm",
		 number(root, "harmful_frames") ? "bad" : "good");
	put_count(f, count_losers(root), "VMs that lost them", "bad");
	put_count(f, count_verdict(root, "over its knee"), "NICs offered more than they take",
		  "bad");
	put_count(f, count_verdict(root, "near its knee"), "NICs near that point", "warn");
	put_count(f, count_verdict(root, "will meet its knee"),
		  "NICs that will meet it in half a year", "warn");
	put_card(f, text_percent(pct, covered), "of the time observed",
		 covered > 99 ? "good" : "warn");
	fputs("</section>\n", f);
}

static void put_table(FILE *f, const char *id, const char *caption, const struct column *cols,
		      size_t n, const json_t *rows, size_t limit, const char *none)
{
	page_table(f, &(struct page_table){ id, caption, cols, n, rows, limit, none });
}

/* New reference: the rows of @rows whose @key is (or is not) truth. */
static json_t *those(const json_t *rows, bool (*want)(const json_t *row))
{
	json_t *some = json_array();
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (want(row))
			json_array_append(some, row);
	return some;
}

static bool is_harmful(const json_t *row)
{
	return json_is_true(json_object_get(row, "harmful"));
}

static bool is_benign(const json_t *row)
{
	return !is_harmful(row);
}

static bool is_pressing(const json_t *row)
{
	const char *v = word(row, "verdict");

	return !strcmp(v, "over its knee") || !strcmp(v, "near its knee") ||
	       !strcmp(v, "will meet its knee") || !strcmp(v, "loses at any rate");
}

static void put_advice(FILE *f, const json_t *root)
{
	static const struct column cols[] = {
		{ "class", "Class", COL_TEXT },	   { "kernel_reason", "Kernel's word", COL_TEXT },
		{ "direction", "Dir", COL_TEXT },  { "kind", "Kind", COL_TEXT },
		{ "frames", "Frames", COL_COUNT }, { "worth_pct", "Of the harm", COL_PERCENT },
		{ "fix", "What helps", COL_LONG },
	};
	json_t *rows = those(json_object_get(root, "classes"), is_harmful);

	fputs("<section><h2>Why frames were lost, and what to change</h2>\n", f);
	put_table(f, "advice", "Loss that did harm, by cause", cols, ARRAY_SIZE(cols), rows, 0,
		  "No frame was lost for want of capacity or by a fault.");
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

	json_array_foreach(verdicts, i, row) {
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

static void put_verdicts(FILE *f, const json_t *root)
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
		"<section><h2>What was wrong, and when</h2>\n<p>Verdicts on the five VMs that lost "
		"most, in steps of %s: a row for each cause, as long as it held. "
		"Days of which only minutes are kept have no bursts: their verdicts are less sure. "
		"<code>taplossctl diagnose VM</code> shows the evidence.</p>\n",
		text_duration(step, number(root, "verdict_step_ns")));
	put_table(f, "verdicts", "Verdicts over time", cols, ARRAY_SIZE(cols), rows, 25,
		  "No VM lost frames that did harm.");
	fputs("</section>\n", f);
	json_decref(rows);
}

static const struct column nic_columns[] = {
	{ "vm", "VM", COL_NAME },
	{ "nic", "NIC", COL_NAME },
	{ "direction", "Dir", COL_TEXT },
	{ "verdict", "Verdict", COL_TEXT },
	{ "p50_fps", "p50", COL_COUNT },
	{ "p95_fps", "p95", COL_COUNT },
	{ "p99_fps", "p99", COL_COUNT },
	{ "max_fps", "Highest", COL_COUNT },
	{ "knee_fps", "Knee", COL_COUNT },
	{ "knee_low_fps", "Knee from", COL_COUNT },
	{ "knee_high_fps", "Knee to", COL_COUNT },
	{ "knee_since_ns", "Knee since", COL_TIME },
	{ "headroom_p99_pct", "Room over p99", COL_PERCENT },
	{ "lossy_pct", "Time with loss", COL_PERCENT },
	{ "growth_pct_30d", "Growth in 30 days", COL_PERCENT },
	{ "meets_knee_from_ns", "Meets knee from", COL_TIME },
	{ "meets_knee_to_ns", "Meets knee by", COL_TIME },
};
static const struct column pressing_columns[] = {
	{ "vm", "VM", COL_NAME },
	{ "nic", "NIC", COL_NAME },
	{ "direction", "Dir", COL_TEXT },
	{ "verdict", "Verdict", COL_TEXT },
	{ "p95_fps", "p95", COL_COUNT },
	{ "p99_fps", "p99", COL_COUNT },
	{ "knee_low_fps", "Knee from", COL_COUNT },
	{ "knee_high_fps", "Knee to", COL_COUNT },
	{ "knee_since_ns", "Knee since", COL_TIME },
	{ "headroom_p99_pct", "Room over p99", COL_PERCENT },
	{ "lossy_pct", "Time with loss", COL_PERCENT },
	{ "growth_pct_30d", "Growth in 30 days", COL_PERCENT },
	{ "meets_knee_from_ns", "Meets knee from", COL_TIME },
	{ "meets_knee_to_ns", "Meets knee by", COL_TIME },
};

static void put_pressing(FILE *f, const json_t *root)
{
	json_t *rows = those(json_object_get(root, "nics"), is_pressing);

	fputs("<section><h2>NICs that lose, or will</h2>\n<p>Rates are frames a second in the "
	      "busiest second of each minute, as offered. The knee is the rate at which "
	      "loss sets in. Directions are the guest's.</p>\n",
	      f);
	put_table(f, "pressing", "NICs over, near, or going to meet their knee", pressing_columns,
		  ARRAY_SIZE(pressing_columns), rows, 50,
		  "No NIC is known to be near the rate at which it loses frames.");
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

	json_array_foreach(json_object_get(root, "over_time"), i, row) {
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

static void put_over_time(FILE *f, const json_t *root)
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
		  "Nothing in this time.");
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

static void put_heat(FILE *f, const json_t *root)
{
	const json_t *rows = json_object_get(root, "heat"), *row, *cell;
	unsigned long long most = 0;
	char buf[32], large[32];
	size_t i, h;

	json_array_foreach(rows, i, row)
		json_array_foreach(json_object_get(row, "frames_by_hour"), h, cell)
			most = (unsigned long long)json_integer_value(cell) > most
				       ? (unsigned long long)json_integer_value(cell)
				       : most;
	fputs("<section><h2>When in the week</h2>\n<div class=\"table\" role=\"region\" "
	      "aria-label=\"Harmful loss by hour of the week\" tabindex=\"0\"><table "
	      "class=\"heat\"><caption>Frames lost that did harm, by local hour of the "
	      "week</caption><thead><tr><td></td>",
	      f);
	for (int hour = 0; hour < 24; hour++)
		fprintf(f, "<th scope=\"col\">%02d</th>", hour);
	fputs("</tr></thead><tbody>\n", f);
	json_array_foreach(rows, i, row) {
		fprintf(f, "<tr><th scope=\"row\">%s</th>", word(row, "weekday"));
		json_array_foreach(json_object_get(row, "frames_by_hour"), h, cell) {
			unsigned long long n = (unsigned long long)json_integer_value(cell);
			int level = n ? 1 + (int)(n * 4 / (most + 1)) : 0;

			fprintf(f, "<td class=\"h%d\" title=\"%s frames\">%s</td>", level,
				text_count(buf, n), text_large(large, n));
		}
		fputs("</tr>\n", f);
	}
	fputs("</tbody></table></div></section>\n", f);
}

static void put_vms(FILE *f, const json_t *root)
{
	static const struct column losers[] = {
		{ "vm", "VM", COL_NAME },
		{ "nic", "NIC", COL_NAME },
		{ "harmful_frames", "Frames lost that did harm", COL_COUNT },
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

static bool has_ring(const json_t *row)
{
	return json_is_number(json_object_get(row, "ring_headroom_pct"));
}

static int by_room(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	double rx = json_number_value(json_object_get(x, "ring_headroom_pct")),
	       ry = json_number_value(json_object_get(y, "ring_headroom_pct"));

	return (rx > ry) - (rx < ry);
}

/* New reference: the NICs whose rings are known, the closest to losing first. */
static json_t *closest(const json_t *root)
{
	json_t *some = those(json_object_get(root, "nics"), has_ring), *rows = json_array();
	size_t n = json_array_size(some);
	_cleanup_(freep) json_t **all = calloc(n + 1, sizeof(*all));

	if (!all)
		abort();
	for (size_t i = 0; i < n; i++)
		all[i] = json_array_get(some, i);
	qsort(all, n, sizeof(*all), by_room);
	for (size_t i = 0; i < n; i++)
		json_array_append(rows, all[i]);
	json_decref(some);
	return rows;
}

static void put_room(FILE *f, const json_t *root)
{
	static const struct column rings[] = {
		{ "vm", "VM", COL_NAME },
		{ "nic", "NIC", COL_NAME },
		{ "ring_headroom_pct", "Closest", COL_PERCENT },
		{ "ring_frames", "Ring", COL_COUNT },
		{ "ring_peak_frames", "Fullest", COL_COUNT },
		{ "ring_free_frames", "Fewest free", COL_COUNT },
		{ "ring_mean_frames", "Mean", COL_NUMBER },
		{ "ring_looks", "Looks", COL_COUNT },
		{ "qdisc_peak_frames", "In front", COL_COUNT },
		{ "lossy_pct", "Time with loss", COL_PERCENT },
	};
	static const struct column waits[] = {
		{ "vm", "VM", COL_NAME },
		{ "vcpu_wait_pct", "vCPUs waited", COL_PERCENT },
		{ "vcpu_wait_peak_pct", "at worst", COL_PERCENT },
		{ "vcpu_run_pct", "vCPUs ran", COL_PERCENT },
		{ "vhost_wait_pct", "vhost waited", COL_PERCENT },
		{ "vhost_wait_peak_pct", "at worst (vhost)", COL_PERCENT },
		{ "vhost_run_pct", "vhost ran", COL_PERCENT },
		{ "emulator_wait_pct", "Rest waited", COL_PERCENT },
		{ "hours_seen", "Hours seen", COL_NUMBER },
	};
	json_t *rows = closest(root);

	fputs("<section><h2>How close it came</h2>\n<p>How full the ring from which a guest takes "
	      "its frames was when it was looked at, about once a second; a ring that lost frames "
	      "was full. “Closest” is the share of its places that was still free.</p>\n",
	      f);
	put_table(f, "rings", "Rings by the fewest free places", rings, ARRAY_SIZE(rings), rows, 25,
		  "How full rings were is not known here.");
	fputs("<h2>Processor time</h2>\n<p>What the threads of each VM got of the host's "
	      "processors, and for how long they could have run but had to wait.</p>\n",
	      f);
	put_table(f, "pressure", "VMs by the time that their vCPUs waited", waits,
		  ARRAY_SIZE(waits), json_object_get(root, "pressure"), 25,
		  "No VM's threads were looked at.");
	fputs("</section>\n", f);
	json_decref(rows);
}

static void put_rest(FILE *f, const json_t *root)
{
	static const struct column classes[] = {
		{ "class", "Class", COL_TEXT },
		{ "kernel_reason", "Kernel's word", COL_TEXT },
		{ "direction", "Dir", COL_TEXT },
		{ "kind", "Kind", COL_TEXT },
		{ "place", "Place", COL_TEXT },
		{ "frames", "Frames", COL_COUNT },
		{ "segments", "Segments", COL_COUNT },
		{ "bytes", "Bytes", COL_BYTES },
	};
	json_t *benign = those(json_object_get(root, "classes"), is_benign);

	fputs("<section><h2>Benign, and lost elsewhere</h2>\n<p>Dropped by policy or at a VM's "
	      "start and end, in rings that were emptied, or before the tap. None of it is in the "
	      "figures above, "
	      "except where a column says so.</p>\n",
	      f);
	put_table(f, "benign", "Frames dropped that did no harm at the tap", classes,
		  ARRAY_SIZE(classes), benign, 25, "None.");
	fputs("<h2>All NICs</h2>\n", f);
	put_table(f, "nics", "Demand, knee and growth of every NIC", nic_columns,
		  ARRAY_SIZE(nic_columns), json_object_get(root, "nics"), 25,
		  "No traffic was seen.");
	fputs("</section>\n", f);
	json_decref(benign);
}

static void put_unseen(FILE *f, const json_t *root)
{
	static const struct column sources[] = { { "source", "Source", COL_TEXT },
						 { "state", "State", COL_TEXT },
						 { "why", "Why", COL_NAME } };
	const json_t *gap;
	char span[128], buf[32];
	size_t i;

	fputs("<section><h2>What was not seen</h2>\n<ul>\n", f);
	json_array_foreach(json_object_get(root, "gaps"), i, gap)
		fprintf(f, "<li>Nobody counted: %s</li>\n",
			text_span(span, number(gap, "from_ns"), number(gap, "to_ns")));
	if (number(root, "gap_count") > i)
		fprintf(f, "<li>and %s more such times</li>\n",
			text_count(buf, number(root, "gap_count") - i));
	fprintf(f, "<li>Frames that found no room in the kernel's map: %s</li>\n",
		text_count(buf, number(root, "uncounted_frames")));
	fprintf(f, "<li>Frames that masks leave out: %s</li>\n",
		text_count(buf, number(root, "masked_frames")));
	fprintf(f, "<li>Frames lost before they reached a tap: %s; in rings that were emptied: ",
		text_count(buf, number(root, "path_frames")));
	fprintf(f, "%s</li>\n", text_count(buf, number(root, "purged_frames")));
	fputs("<li>Losses inside the guest, and those that the kernel gives no reason for: "
	      "<code>taplossctl audit</code> shows the latter.</li>\n</ul>\n",
	      f);
	put_table(f, "sources", "Sources of knowledge that are not well now", sources,
		  ARRAY_SIZE(sources), json_object_get(root, "not_ok"), 0,
		  "All sources of knowledge are well now.");
	fputs("</section>\n", f);
}

static void put_details(FILE *f, const json_t *root)
{
	static const struct column days[] = {
		{ "day_ns", "Day", COL_TIME },	     { "p50_fps", "p50", COL_COUNT },
		{ "p95_fps", "p95", COL_COUNT },     { "p99_fps", "p99", COL_COUNT },
		{ "max_fps", "Highest", COL_COUNT }, { "lossy_pct", "Time with loss", COL_PERCENT }
	};
	const json_t *nic;
	char id[32];
	size_t i;

	json_array_foreach(json_object_get(root, "nic_detail"), i, nic) {
		fputs("<section class=\"nic\"><h2>", f);
		page_text(f, word(nic, "vm"));
		fputs(", ", f);
		page_text(f, word(nic, "nic"));
		fprintf(f,
			", %s</h2>\n<figure><div class=\"chart\" data-demand=\"%zu\" role=\"img\" "
			"aria-label=\"Demand by day, with knee and trend; the table below has the "
			"numbers\"></div>"
			"<figcaption>Frames offered a second: median, 95th and 99th percentile of "
			"the minutes of each day; the knee; the straight line through the "
			"99th.</figcaption></figure>\n"
			"<figure><div class=\"chart small\" data-rates=\"%zu\" role=\"img\" "
			"aria-label=\"Share of minutes with loss by offered rate\"></div>"
			"<figcaption>Share of the minutes with loss, by offered "
			"rate.</figcaption></figure>\n",
			word(nic, "direction"), i, i);
		snprintf(id, sizeof(id), "nic-%zu", i);
		put_table(f, id, "Demand by day, frames a second", days, ARRAY_SIZE(days),
			  json_object_get(nic, "days"), 31, "No day of it is known.");
		fputs("</section>\n", f);
	}
}

/* Only numbers go to the scripts. */
static void put_detail_data(FILE *f, const json_t *root)
{
	json_t *all = json_array(), *nic;
	size_t i;

	json_array_foreach(json_object_get(root, "nic_detail"), i, nic) {
		json_t *copy = json_copy(nic);

		json_object_del(copy, "vm");
		json_object_del(copy, "nic");
		json_array_append_new(all, copy);
	}
	page_data(f, "data-nics", all);
	json_decref(all);
}

void report_html(FILE *f, const json_t *root)
{
	put_head(f, root);
	put_details(f, root);
	put_pressing(f, root);
	put_advice(f, root);
	put_verdicts(f, root);
	put_over_time(f, root);
	put_heat(f, root);
	put_vms(f, root);
	put_room(f, root);
	put_rest(f, root);
	put_unseen(f, root);
	put_detail_data(f, root);
	report_html_end(f, method);
}
