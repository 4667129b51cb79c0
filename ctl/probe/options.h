/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options - the command line of `taplossctl probe`. Errors are reported to the user. */
#ifndef TAPLOSS_CTL_PROBE_OPTIONS_H
#define TAPLOSS_CTL_PROBE_OPTIONS_H

#include "ctl/print/global.h"
#include "ctl/options/options.h"
#include "run.h"

struct probe_request {
	struct global g;
	struct probe_options opt;
	char kernel[4096], modules[4096], probe[4096];
	const char *rates, *ramp, *rings;	/* as given; NULL: not */
	uint64_t rounds;
	bool fail;
};

extern const char probe_help[];

/* Reads all options; optind is then the first word. False: the command ends with *ret_exit. */
bool probe_options_read(struct probe_request *rq, const struct cmd *cmd, int argc, char **argv,
			int *ret_exit);

/* Makes them whole for a run ("run" or "bench") at @where, NULL with --vm: the steps, the files. */
bool probe_options_run(struct probe_request *rq, const char *kind, const char *where);

#endif
