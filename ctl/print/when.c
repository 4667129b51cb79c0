/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "when.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>
#include <string.h>
#include <time.h>

#include "collector/base.h"

static const struct unit {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "ms", NSEC_PER_MSEC },       { "msec", NSEC_PER_MSEC },  { "s", NSEC_PER_SEC },
	{ "sec", NSEC_PER_SEC },       { "second", NSEC_PER_SEC }, { "seconds", NSEC_PER_SEC },
	{ "m", NSEC_PER_MIN },	       { "min", NSEC_PER_MIN },	   { "minute", NSEC_PER_MIN },
	{ "minutes", NSEC_PER_MIN },   { "h", NSEC_PER_HOUR },	   { "hour", NSEC_PER_HOUR },
	{ "hours", NSEC_PER_HOUR },    { "d", NSEC_PER_DAY },	   { "day", NSEC_PER_DAY },
	{ "days", NSEC_PER_DAY },      { "w", 7 * NSEC_PER_DAY },  { "week", 7 * NSEC_PER_DAY },
	{ "weeks", 7 * NSEC_PER_DAY },
};

static uint64_t unit_ns(const char *at, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strlen(units[i].name) == len && !strncmp(at, units[i].name, len))
			return units[i].ns;
	return 0;
}

/* One or more of NUMBER UNIT. */
int when_length(const char *text, uint64_t *ret)
{
	double sum = 0;
	bool bare = false, some = false;

	while (*text) {
		char *end;
		double n = strtod(text, &end);
		size_t len = 0;
		uint64_t unit;

		if (end == text || !(n >= 0) || isinf(n) || bare)
			return -EINVAL;
		while (*end == ' ')
			end++;
		while (isalpha((unsigned char)end[len]))
			len++;
		bare = len == 0;
		unit = bare ? NSEC_PER_SEC : unit_ns(end, len);
		if (!unit || (bare && (some || *end)))
			return -EINVAL;
		sum += n * (double)unit;
		some = true;
		text = end + len;
		while (*text == ' ')
			text++;
	}
	if (!some || sum < 1 || sum > 9e18)
		return -EINVAL;
	*ret = (uint64_t)sum;
	return 0;
}

static int parse_length(const char *text, uint64_t now_ns, uint64_t *ret)
{
	char buf[64];
	uint64_t ns;
	size_t len;
	int r;

	if (*text == '-')
		text++;
	len = strlen(text);
	if (len > 4 && !strcmp(text + len - 4, " ago"))
		len -= 4;
	if (len >= sizeof(buf) || !len || isdigit((unsigned char)text[len - 1]))
		return -EINVAL;	/* a bare number could be anything */
	memcpy(buf, text, len);
	buf[len] = '\0';
	r = when_length(buf, &ns);
	if (r < 0)
		return r;
	if (ns > now_ns)
		return -ERANGE;
	*ret = now_ns - ns;
	return 0;
}

static int parse_epoch(const char *text, uint64_t *ret)
{
	char *end;
	unsigned long long s = strtoull(text, &end, 10);
	uint64_t ns = 0, unit = NSEC_PER_SEC / 10;

	if (end == text || !isdigit((unsigned char)*text))
		return -EINVAL;
	if (*end == '.')
		for (end++; isdigit((unsigned char)*end); end++, unit /= 10)
			ns += (uint64_t)(*end - '0') * unit;
	if (*end)
		return -EINVAL;
	if (s > INT64_MAX / NSEC_PER_SEC - 1)
		return -ERANGE;
	*ret = s * NSEC_PER_SEC + ns;
	return 0;
}

static uint64_t from_tm(struct tm *tm)
{
	time_t t;

	tm->tm_isdst = -1;
	t = mktime(tm);
	return t < 0 ? 0 : (uint64_t)t * NSEC_PER_SEC;
}

static uint64_t midnight(uint64_t now_ns, int days)
{
	time_t t = (time_t)(now_ns / NSEC_PER_SEC);
	struct tm tm;

	localtime_r(&t, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday += days;
	return from_tm(&tm);
}

/* ".5Z", "+01:00", "" */
static int parse_tail(const char *at, struct tm *tm, uint64_t *ret)
{
	uint64_t ns = 0, unit = NSEC_PER_SEC / 10, t;
	int sign, h, m;

	if (*at == '.')
		for (at++; isdigit((unsigned char)*at); at++, unit /= 10)
			ns += (uint64_t)(*at - '0') * unit;
	if (!*at) {
		t = from_tm(tm);
	} else if (!strcasecmp(at, "z")) {
		t = (uint64_t)timegm(tm) * NSEC_PER_SEC;
	} else if ((*at == '+' || *at == '-') && sscanf(at + 1, "%2d:%2d", &h, &m) == 2 &&
		   strlen(at) == 6) {
		sign = *at == '+' ? 1 : -1;
		t = (uint64_t)((int64_t)timegm(tm) - sign * (h * 3600 + m * 60)) * NSEC_PER_SEC;
	} else {
		return -EINVAL;
	}
	if (!t || t > INT64_MAX)
		return -ERANGE;
	*ret = t + ns;
	return 0;
}

static int parse_date(const char *text, uint64_t now_ns, uint64_t *ret)
{
	static const char *const forms[] = {
		"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
		"%Y-%m-%d",	     "%H:%M:%S",	  "%H:%M"
	};
	time_t now = (time_t)(now_ns / NSEC_PER_SEC);

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = { 0 };
		const char *end;

		if (forms[i][1] == 'H') {
			localtime_r(&now, &tm);
			tm.tm_sec = 0;
		}
		end = strptime(text, forms[i], &tm);
		if (end && (!*end || strchr(".zZ+-", *end)) && parse_tail(end, &tm, ret) == 0)
			return 0;
	}
	return -EINVAL;
}

int when_parse(const char *text, uint64_t now_ns, uint64_t *ret)
{
	int r;

	if (!strcmp(text, "now") || !strcmp(text, "today") || !strcmp(text, "yesterday")) {
		*ret = *text == 'n' ? now_ns : midnight(now_ns, *text == 'y' ? -1 : 0);
		return 0;
	}
	if (*text == '@')
		return parse_epoch(text + 1, ret);
	r = parse_length(text, now_ns, ret);
	return r == -EINVAL ? parse_date(text, now_ns, ret) : r;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}
