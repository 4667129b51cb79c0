/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config - what the operator decides: defaults, then the file, then the command line.
 *
 * One table names every key with its section, range, default and help text; the example file,
 * --check-config and the manual page taploss.conf(5) follow it. An unknown section or key, a value
 * out of range, a key given twice: an error with file, line and key, never a guess. */
#ifndef TAPLOSS_AGENT_CONFIG_H
#define TAPLOSS_AGENT_CONFIG_H

#include <stdbool.h>
#include <stdio.h>

#define CONFIG_WHY 512
#define CONFIG_DEFAULT_FILE "/etc/taploss/taploss.conf"
#define CONFIG_MAX_URIS 8
#define CONFIG_STRING 512

struct config {
	unsigned int interval_ms;
	unsigned int log_level;			/* enum log_level */
	char store[CONFIG_STRING];
	unsigned int seconds_days, retention_days, hours_days;		/* 0: for ever */
	unsigned int seconds_max_mib, max_size_mib, history_max_mib;	/* 0: no limit */
	unsigned int storm_rows;
	char source[16];			/* source_open() */
	char pin_dir[CONFIG_STRING];		/* "" : do not pin */
	unsigned int max_keys;
	bool path;
	bool xdp;
	unsigned int context;			/* enum loss_context_mode */
	char uris[CONFIG_STRING];		/* separated by blanks; "none" */
	unsigned int libvirt_resync_s;
	bool proc;
	unsigned int proc_resync_s;
	/* words separated by blanks; where "": no probes */
	char probe_where[CONFIG_STRING], probe_options[CONFIG_STRING];
	unsigned int probe_every_min, probe_first_s, probe_frames, probe_rate, probe_budget_s;
};

void config_defaults(struct config *c);

/* Reads @path over what @c holds. On failure @c is as it was and @why is "FILE:LINE: KEY: what is
 * wrong". -ENOENT: no such file; -EINVAL. */
int config_read(const char *path, struct config *c, char why[static CONFIG_WHY]);

/* One value, as "section.key", from the command line. -ENOENT: no such key; -EINVAL: @why says what
 * is allowed. */
int config_set(struct config *c, const char *key, const char *value, char why[static CONFIG_WHY]);

/* The URIs in @c, at most CONFIG_MAX_URIS, copied one after the other into @buf; returns how many;
 * none for "none". */
unsigned int config_uris(const struct config *c, char buf[static CONFIG_STRING],
			 const char *ret[static CONFIG_MAX_URIS]);

/* A complete commented file with the values of @c. */
void config_print(FILE *f, const struct config *c);

#endif
