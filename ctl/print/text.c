/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <langinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/base.h"

/* Decodes the character at @s; bytes that are no UTF-8 stand for themselves. */
static size_t decode(const unsigned char *s, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0xc2 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 1;
	uint32_t c = n == 1 ? s[0] : s[0] & (0x7fu >> n);

	*ret = s[0];
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 1;
	*ret = c;
	return n;
}

static bool dangerous(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200e && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static char *must(char *p)
{
	if (!p)
		abort();
	return p;
}

char *text_safe(const char *text)
{
	size_t len = strlen(text), n = 0;
	char *out = must(malloc(len * 10 + 1));

	for (const unsigned char *s = (const unsigned char *)text; *s;) {
		uint32_t c;
		size_t k = decode(s, &c);

		if (c == '\\') {
			out[n++] = '\\';
			out[n++] = '\\';
		} else if (dangerous(c) || (k == 1 && c >= 0x80)) {
			n += (size_t)sprintf(out + n, c < 0x100 ? "\\x%02x" : "\\u{%x}", c);
		} else {
			memcpy(out + n, s, k);
			n += k;
		}
		s += k;
	}
	out[n] = '\0';
	return out;
}

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

/* The byte at which character @n begins. */
static size_t offset_of(const char *s, size_t n)
{
	size_t at = 0;

	while (s[at] && (n || (s[at] & 0xc0) == 0x80)) {
		if ((s[at] & 0xc0) != 0x80) {
			if (!n)
				break;
			n--;
		}
		at++;
	}
	while ((s[at] & 0xc0) == 0x80)
		at++;
	return at;
}

char *text_short(const char *text, size_t columns)
{
	_cleanup_(freep) char *safe = text_safe(text);
	const char *dots = text_is_utf8() ? "\xe2\x80\xa6" : "..";
	size_t n = characters(safe), gap = characters(dots), head, tail;
	char *out;

	if (!columns || n <= columns || columns < 8)
		return TAKE_PTR(safe);
	head = (columns - gap) * 2 / 3;
	tail = columns - gap - head;
	out = must(malloc(strlen(safe) + 8));
	sprintf(out, "%.*s%s%s", (int)offset_of(safe, head), safe, dots,
		safe + offset_of(safe, n - tail));
	return out;
}

char *text_count(char buf[static 32], unsigned long long n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", n), at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

char *text_bytes(char buf[static 32], unsigned long long n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)n;
	size_t u = 0;

	while (v >= 1024 && u < ARRAY_SIZE(units) - 1) {
		v /= 1024;
		u++;
	}
	snprintf(buf, 32, u && v < 100 ? "%.1f %s" : "%.0f %s", v, units[u]);
	return buf;
}

char *text_percent(char buf[static 32], double pct)
{
	if (pct > 0 && pct < 0.01)
		snprintf(buf, 32, "<0.01 %%");
	else
		snprintf(buf, 32, pct < 10 ? "%.2f %%" : "%.1f %%", pct);
	return buf;
}

char *text_duration(char buf[static 32], unsigned long long ns)
{
	unsigned long long s = (ns + NSEC_PER_SEC / 2) / NSEC_PER_SEC;

	if (ns < NSEC_PER_SEC)
		snprintf(buf, 32, "%llu ms", ns / NSEC_PER_MSEC);
	else if (s < 120)
		snprintf(buf, 32, "%llu s", s);
	else if (s < 7200 && s != 3600)
		snprintf(buf, 32, "%llu min", s / 60);
	else if (s < 2 * 86400 && s % 3600 < 60)
		snprintf(buf, 32, "%llu h", s / 3600);
	else if (s < 2 * 86400)
		snprintf(buf, 32, "%llu h %llu min", s / 3600, s / 60 % 60);
	else if (s % 86400 < 3600)
		snprintf(buf, 32, "%llu d", s / 86400);
	else
		snprintf(buf, 32, "%llu d %llu h", s / 86400, s / 3600 % 24);
	return buf;
}

static void local(unsigned long long t_ns, struct tm *tm)
{
	time_t t = (time_t)(t_ns / NSEC_PER_SEC);

	localtime_r(&t, tm);
}

char *text_time(char buf[static 64], unsigned long long t_ns)
{
	struct tm tm;

	local(t_ns, &tm);
	strftime(buf, 64, "%Y-%m-%d %H:%M:%S %Z", &tm);
	return buf;
}

char *text_span(char buf[static 128], unsigned long long from_ns, unsigned long long to_ns)
{
	struct tm from, to;
	bool same_zone, same_day;
	size_t n;

	local(from_ns, &from);
	local(to_ns, &to);
	same_zone = from.tm_gmtoff == to.tm_gmtoff;
	same_day = same_zone && from.tm_year == to.tm_year && from.tm_yday == to.tm_yday;
	n = strftime(buf, 64, same_zone ? "%Y-%m-%d %H:%M:%S to " : "%Y-%m-%d %H:%M:%S %Z to ",
		     &from);
	strftime(buf + n, 64, same_day ? "%H:%M:%S %Z" : "%Y-%m-%d %H:%M:%S %Z", &to);
	return buf;
}

char *text_clock(char buf[static 64], unsigned long long t_ns, unsigned long long span_ns)
{
	struct tm tm;

	local(t_ns, &tm);
	strftime(buf, 64,
		 span_ns < 600 * NSEC_PER_SEC ? "%H:%M:%S"
		 : span_ns < 2 * NSEC_PER_DAY ? "%H:%M"
					      : "%m-%d %H:%M",
		 &tm);
	return buf;
}

/* How many bytes of the @len of @line fit @columns characters: up to the last blank that does; all
 * of a word that is longer. */
static size_t fitting(const char *line, size_t len, size_t columns)
{
	size_t n = 0, at = 0, blank = 0, indent = strspn(line, " ");

	for (; at < len && n <= columns; at++) {
		if (line[at] == ' ' && at > indent)
			blank = at;
		n += (line[at] & 0xc0) != 0x80;
	}
	if (n <= columns)
		return len;
	if (!blank) {
		const char *next = memchr(line + at, ' ', len - at);

		return next ? (size_t)(next - line) : len;
	}
	return blank;
}

static void fold_line(FILE *to, const char *line, size_t len, size_t columns)
{
	size_t indent = strspn(line, " ") + 2, n = fitting(line, len, columns);

	indent = indent < columns / 2 ? indent : 0;
	fprintf(to, "%.*s\n", (int)n, line);
	while (n < len && line[n] == ' ') {
		line += n + 1;
		len -= n + 1;
		n = fitting(line, len, columns - indent);
		fprintf(to, "%*s%.*s\n", (int)indent, "", (int)n, line);
	}
}

void text_fold(FILE *to, const char *text, size_t columns)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		fold_line(to, text, len, columns ? columns : SIZE_MAX);
		text += len + (text[len] == '\n');
	}
}

static bool ascii_only;

void text_use_ascii(void)
{
	ascii_only = true;
}

bool text_is_utf8(void)
{
	return !ascii_only && !strcmp(nl_langinfo(CODESET), "UTF-8");
}
