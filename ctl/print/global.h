/* SPDX-License-Identifier: GPL-2.0-or-later */
/* global - what every command is told: the store, the form of the answer, and whether colour may be
 * used; and the exit statuses of all of them. */
#ifndef TAPLOSS_CTL_PRINT_GLOBAL_H
#define TAPLOSS_CTL_PRINT_GLOBAL_H

#include <stdbool.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_FOUND = 3 };
enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };

struct global {
	const char *store;
	enum format format;
	bool color;
};

#endif
