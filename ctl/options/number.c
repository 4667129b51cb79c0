/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/print/message.h"

#define SIZES "size, such as 4096, 64k or 1M,"

static int parse(const char *option, const char *value, const char *units, uint64_t min,
		 uint64_t max, uint64_t *ret)
{
	unsigned long long n;
	const char *unit;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit && !end[1]) {
		int shift = 10 * (int)((unit - units) / 2 + 1);

		n = n > UINT64_MAX >> shift ? UINT64_MAX : n << shift;
		end++;
	}
	if (*value >= '0' && *value <= '9' && !*end && !errno && n >= min && n <= max) {
		*ret = n;
		return 1;
	}
	if (max == UINT64_MAX)
		message_error("%s: \"%.60s\" is not a %s of at least %llu", option, value,
			      *units ? SIZES : "number", (unsigned long long)min);
	else
		message_error("%s: \"%.60s\" is not a %s from %llu to %llu", option, value,
			      *units ? SIZES : "number", (unsigned long long)min,
			      (unsigned long long)max);
	return -1;
}

int number_option(const char *option, const char *value, uint64_t min, uint64_t max, uint64_t *ret)
{
	return parse(option, value, "", min, max, ret);
}

int size_option(const char *option, const char *value, uint64_t min, uint64_t max, uint64_t *ret)
{
	return parse(option, value, "kKmMgG", min, max, ret);
}
