/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The capacity report's page: NICs. */
#include "html_priv.h"

#include <stdlib.h>

static bool is_pressing(const json_t *row)
{
	const char *v = word(row, "verdict");

	return !strcmp(v, "over its knee") || !strcmp(v, "near its knee") ||
	       !strcmp(v, "will meet its knee") || !strcmp(v, "loses at any rate");
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

void html_pressing(FILE *f, const json_t *root)
{
	json_t *rows = those(json_object_get(root, "nics"), is_pressing);

	fputs("<section><h2>NICs that lose, or will</h2>\n<p>Rates are offered frames per second, "
	      "in the busiest second of each minute. The knee is the rate at which loss begins. "
	      "Directions are those of the guest.</p>\n",
	      f);
	put_table(f, "pressing", "NICs over, near or about to reach their knee", pressing_columns,
		  ARRAY_SIZE(pressing_columns), rows, 50,
		  "No NIC is near the rate at which it loses frames, as far as known.");
	fputs("</section>\n", f);
	json_decref(rows);
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

void html_room(FILE *f, const json_t *root)
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

	fputs("<section><h2>How close it came</h2>\n<p>How full the ring was from which a guest "
	      "takes its frames, sampled about once a second; a ring that lost frames was full. "
	      "“Closest” is the smallest share of its places that was free.</p>\n",
	      f);
	put_table(f, "rings", "Rings by the fewest free places", rings, ARRAY_SIZE(rings), rows, 25,
		  "No data about how full rings were.");
	fputs("<h2>CPU time</h2>\n<p>CPU time that the threads of each VM got on the host, and the "
	      "time for which they were ready to run but had to wait.</p>\n",
	      f);
	put_table(f, "pressure", "VMs by the time that their vCPUs waited", waits,
		  ARRAY_SIZE(waits), json_object_get(root, "pressure"), 25,
		  "No data about the threads of VMs.");
	fputs("</section>\n", f);
	json_decref(rows);
}

static bool is_benign(const json_t *row)
{
	return !is_harmful(row);
}

void html_rest(FILE *f, const json_t *root)
{
	static const struct column classes[] = {
		{ "class", "Class", COL_TEXT },
		{ "kernel_reason", "Kernel drop reason", COL_TEXT },
		{ "direction", "Dir", COL_TEXT },
		{ "kind", "Kind", COL_TEXT },
		{ "place", "Place", COL_TEXT },
		{ "frames", "Frames", COL_COUNT },
		{ "segments", "Segments", COL_COUNT },
		{ "bytes", "Bytes", COL_BYTES },
	};
	json_t *benign = those(json_object_get(root, "classes"), is_benign);

	fputs("<section><h2>Benign, and lost elsewhere</h2>\n<p>Frames dropped by policy, when a "
	      "VM starts or stops, in rings that were emptied, or before the tap. They are not in "
	      "the figures above, except where a column says so.</p>\n",
	      f);
	put_table(f, "benign", "Dropped frames that did no harm at the tap", classes,
		  ARRAY_SIZE(classes), benign, 25, "None.");
	fputs("<h2>All NICs</h2>\n", f);
	put_table(f, "nics", "Demand, knee and growth of every NIC", nic_columns,
		  ARRAY_SIZE(nic_columns), json_object_get(root, "nics"), 25,
		  "No traffic was seen.");
	fputs("</section>\n", f);
	json_decref(benign);
}

void html_details(FILE *f, const json_t *root)
{
	static const struct column days[] = {
		{ "day_ns", "Day", COL_TIME },	     { "p50_fps", "p50", COL_COUNT },
		{ "p95_fps", "p95", COL_COUNT },     { "p99_fps", "p99", COL_COUNT },
		{ "max_fps", "Highest", COL_COUNT }, { "lossy_pct", "Time with loss", COL_PERCENT }
	};
	const json_t *nic;
	char id[32];
	size_t i;

	json_array_foreach (json_object_get(root, "nic_detail"), i, nic) {
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
		put_table(f, id, "Demand by day, frames per second", days, ARRAY_SIZE(days),
			  json_object_get(nic, "days"), 31, "No daily data.");
		fputs("</section>\n", f);
	}
}

/* Only numbers go to the scripts. */
void html_detail_data(FILE *f, const json_t *root)
{
	json_t *all = json_array(), *nic;
	size_t i;

	json_array_foreach (json_object_get(root, "nic_detail"), i, nic) {
		json_t *copy = json_copy(nic);

		json_object_del(copy, "vm");
		json_object_del(copy, "nic");
		json_array_append_new(all, copy);
	}
	page_data(f, "data-nics", all);
	json_decref(all);
}
