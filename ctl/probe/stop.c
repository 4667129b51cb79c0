/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stop.h"

#include <signal.h>
#include <stddef.h>

#include "collector/base.h"

static volatile sig_atomic_t asked;

static void on_signal(int signo _unused_)
{
	asked = 1;
}

void probe_stop_catch(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &act, NULL);
}

bool probe_stop_asked(void)
{
	return asked;
}
