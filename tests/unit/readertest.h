/* SPDX-License-Identifier: GPL-2.0-or-later */
/* readertest - a reader of a test's store, or a failed test that says why. Header only. */
#ifndef TAPLOSS_TESTS_UNIT_READERTEST_H
#define TAPLOSS_TESTS_UNIT_READERTEST_H

#include "ctl/query/reader.h"

static inline struct reader *open_reader(const char *dir)
{
	char why[READER_WHY];
	struct reader *v = NULL;

	if (reader_open(dir, &v, why) < 0)
		print_error("%s\n", why);
	return v;
}

#endif
