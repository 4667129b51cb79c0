/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "env.h"

#include <errno.h>
#include <signal.h>

static volatile sig_atomic_t enough;

static void on_signal(int sig)
{
	(void)sig;
	enough = 1;
}

void capture_env_catch(void)
{
	/* no SA_RESTART: a write into a full pipe ends, too */
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	/* the reader of a pipe went away: the statistics are still to be printed */
	signal(SIGPIPE, SIG_IGN);
}

bool capture_env_enough(void)
{
	return enough;
}

int capture_env_drop(const cap_value_t *keep, int n)
{
	cap_t now = cap_get_proc(), caps = cap_init();
	int r = now && caps ? 0 : -ENOMEM;

	for (int i = 0; i < n && r >= 0; i++) {
		cap_flag_value_t had = CAP_CLEAR;

		if (cap_get_flag(now, keep[i], CAP_PERMITTED, &had) < 0 || had != CAP_SET)
			continue;
		cap_set_flag(caps, CAP_PERMITTED, 1, &keep[i], CAP_SET);
		cap_set_flag(caps, CAP_EFFECTIVE, 1, &keep[i], CAP_SET);
	}
	if (r >= 0)
		r = cap_set_proc(caps) < 0 ? -errno : 0;
	cap_free(now);
	cap_free(caps);
	return r;
}
