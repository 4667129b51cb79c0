/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "screen.h"

#include <curses.h>
#include <term.h>	/* its macros are words like "lines": not for files that do more */
#include <unistd.h>

bool screen_possible(void)
{
	int err;

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && setupterm(NULL, STDOUT_FILENO, &err) == OK && tigetstr("cup") > (char *)0;
}
