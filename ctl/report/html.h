/* SPDX-License-Identifier: GPL-2.0-or-later */
/* html - a report's JSON document as one HTML page that needs nothing else: no network, no fonts,
 * no second file. Tables carry every fact and need no script; charts are drawn by uPlot, which
 * stands in the page with its licence. */
#ifndef TAPLOSS_CTL_REPORT_HTML_H
#define TAPLOSS_CTL_REPORT_HTML_H

#include <jansson.h>
#include <stdio.h>

void report_html(FILE *f, const json_t *root);
void compare_html(FILE *f, const json_t *root);		/* of `report compare` */

/* What every page begins and ends with: up to its heading ("capacity", in lower case) within the
 * header; from the section on its method on. */
void report_html_begin(FILE *f, const char *title, const char *host);
void report_html_made_up(FILE *f, const json_t *root);	/* a banner, when it is */
void report_html_end(FILE *f, const char *how);

#endif
