/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "screen.h"

#include <curses.h>
#include <stdlib.h>
#include <term.h>	/* its macros are words like "lines": not for files that do more */
#include <unistd.h>
#include "ctl/print/message.h"

bool screen_possible(void)
{
	const char *term = getenv("TERM");
	int err;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return false;
	if (setupterm(NULL, STDOUT_FILENO, &err) == OK && tigetstr("cup") > (char *)0)
		return true;
	message_error("top: the terminal type \"%.60s\" (TERM) is unknown, or cannot move the "
		      "cursor; printing once",
		      term ? term : "");
	return false;
}
