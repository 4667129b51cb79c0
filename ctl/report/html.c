/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "html.h"

#include "ctl/print/text.h"
#include "html_priv.h"
#include "page.h"

static const char style[] =
#include "ctl/report/third_party/uPlot.min.css.h"
#include "ctl/report/page/report.css.h"
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
	put_card(f, text_count(buf, number(root, "harmful_frames")), "frames harmfully lost",
		 number(root, "harmful_frames") ? "bad" : "good");
	put_count(f, count_losers(root), "VMs with harmful loss", "bad");
	put_count(f, count_verdict(root, "over its knee"), "NICs offered more than they can take",
		  "bad");
	put_count(f, count_verdict(root, "near its knee"), "NICs near that rate", "warn");
	put_count(f, count_verdict(root, "will meet its knee"),
		  "NICs that will reach it within half a year", "warn");
	put_card(f, text_percent(pct, covered), "of the window observed",
		 covered > 99 ? "good" : "warn");
	fputs("</section>\n", f);
}

void report_html(FILE *f, const json_t *root)
{
	put_head(f, root);
	html_details(f, root);
	html_pressing(f, root);
	html_advice(f, root);
	html_verdicts(f, root);
	html_over_time(f, root);
	html_heat(f, root);
	html_vms(f, root);
	html_room(f, root);
	html_rest(f, root);
	html_unseen(f, root);
	html_detail_data(f, root);
	report_html_end(f, method);
}
