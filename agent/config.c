/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <errno.h>
#include <ini.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "collector/base.h"
#include "collector/source/source.h"
#include "log.h"

enum type { TYPE_UINT, TYPE_STRING, TYPE_BOOL, TYPE_LEVEL, TYPE_WHEN, TYPE_SOURCE };

struct key {
	const char *section, *name;
	enum type type;
	size_t at;		/* offset in struct config */
	unsigned int min, max;	/* TYPE_UINT; both ends allowed */
	const char *unset;	/* default, as one would write it */
	const char *help;
};

#define AT(field) offsetof(struct config, field)

static const struct key keys[] = {
	{ "agent", "interval_ms", TYPE_UINT, AT(interval_ms), 100, 60000, "1000",
	  "Interval at which loss is read and stored, in milliseconds. It is the "
	  "resolution of every timeline." },
	{ "agent", "log", TYPE_LEVEL, AT(log_level), 0, 0, "notice",
	  "Lowest level of messages that are logged: error, warning, notice, info or "
	  "debug." },
	{ "store", "directory", TYPE_STRING, AT(store), 0, 0, "/var/lib/taploss",
	  "Directory of the store." },
	{ "store", "seconds_days", TYPE_UINT, AT(seconds_days), 0, 36500, "7",
	  "Days for which the loss of each interval is kept. Older days keep sums by the "
	  "minute. 0: no limit." },
	{ "store", "seconds_max_mib", TYPE_UINT, AT(seconds_max_mib), 0, 1 << 24, "768",
	  "Size limit in MiB of all days that keep the loss of each interval, today "
	  "included. The oldest of them are reduced to minutes first. 0: no limit." },
	{ "store", "retention_days", TYPE_UINT, AT(retention_days), 0, 36500, "90",
	  "Age in days at which a day file is deleted. Its sums by hour and day stay in "
	  "history.db. 0: never." },
	{ "store", "max_size_mib", TYPE_UINT, AT(max_size_mib), 0, 1 << 24, "2048",
	  "Size limit in MiB of all day files. The oldest closed days are deleted first. "
	  "0: no limit." },
	{ "store", "hours_days", TYPE_UINT, AT(hours_days), 0, 36500, "730",
	  "Days for which history.db keeps sums by the hour. Sums by the day stay. 0: no "
	  "limit." },
	{ "store", "history_max_mib", TYPE_UINT, AT(history_max_mib), 0, 1 << 24, "4096",
	  "Size limit in MiB of history.db. Its oldest days are deleted first. 0: no "
	  "limit." },
	{ "store", "storm_rows", TYPE_UINT, AT(storm_rows), 100, 1000000, "4000",
	  "Number of loss rows in one interval above which rows of 10 s are stored until "
	  "the loss calms down. No frame is left out." },
	{ "loss", "source", TYPE_SOURCE, AT(source), 0, 0, "auto",
	  "Source of loss counts: bpf, net-dm (the kernel's drop monitor), counters (the "
	  "device counters, without reasons) or auto (the first of these that works)." },
	{ "bpf", "pin_dir", TYPE_STRING, AT(pin_dir), 0, 0, "/sys/fs/bpf/taploss",
	  "Directory on a bpffs where the counters are pinned, so that the kernel counts "
	  "while no agent runs. Empty: not pinned." },
	{ "bpf", "max_keys", TYPE_UINT, AT(max_keys), 64, 1 << 20, "32768",
	  "Number of different losses (device, queue, reason, place) that the kernel can "
	  "tell apart. It is fixed when the map is created." },
	{ "bpf", "path", TYPE_BOOL, AT(path), 0, 0, "yes",
	  "Count frames of VMs that are lost above their taps, too: in bridges, filters, "
	  "queues and the uplink (class PATH)." },
	{ "bpf", "xdp", TYPE_BOOL, AT(xdp), 0, 0, "yes",
	  "Count frames that XDP redirects into a full tap, and frames lost when an XDP "
	  "program fails on a tap." },
	{ "bpf", "context", TYPE_WHEN, AT(context), 0, 0, "auto",
	  "Attach programs that find the queue of frames lost by a vhost worker: on, off "
	  "or auto (only while such frames are lost). They run for every batch of frames "
	  "that a guest sends." },
	{ "libvirt", "uri", TYPE_STRING, AT(uris), 0, 0, "qemu:///system",
	  "One or more libvirt URIs, separated by blanks. none: VMs are found in /proc "
	  "only." },
	{ "libvirt", "resync_s", TYPE_UINT, AT(libvirt_resync_s), 1, 86400, "60",
	  "Interval at which all domains are listed, in seconds. Events are followed in "
	  "between." },
	{ "proc", "enabled", TYPE_BOOL, AT(proc), 0, 0, "yes",
	  "Search /proc for processes that hold taps." },
	{ "proc", "resync_s", TYPE_UINT, AT(proc_resync_s), 1, 86400, "30",
	  "Interval at which /proc is searched, in seconds. It is also searched when a "
	  "tap appears." },
	{ "probe", "where", TYPE_STRING, AT(probe_where), 0, 0, "",
	  "Networks in which small probe VMs measure the path to guests: bridge:NAME or "
	  "network:NAME, separated by blanks. Empty: none." },
	{ "probe", "every_min", TYPE_UINT, AT(probe_every_min), 1, 10080, "60",
	  "Interval between probes, in minutes." },
	{ "probe", "first_s", TYPE_UINT, AT(probe_first_s), 0, 86400, "60",
	  "Delay of the first probe after the agent's start, in seconds." },
	{ "probe", "frames", TYPE_UINT, AT(probe_frames), 1, 1000000, "5000",
	  "Number of frames that a probe sends." },
	{ "probe", "rate", TYPE_UINT, AT(probe_rate), 1, 1000000, "2000",
	  "Rate at which they are sent, in frames per second." },
	{ "probe", "budget_s", TYPE_UINT, AT(probe_budget_s), 5, 3600, "60",
	  "Time limit of a probe in seconds, from the start of its VM. After it the probe "
	  "is stopped." },
	{ "probe", "options", TYPE_STRING, AT(probe_options), 0, 0, "",
	  "Further options of taplossctl probe run, separated by blanks." },
};

static const char *const levels[] = { "error", "warning", "notice", "info", "debug" };

static int set_uint(const struct key *k, unsigned int *at, const char *value,
		    char why[static CONFIG_WHY])
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || n < k->min || n > k->max) {
		snprintf(why, CONFIG_WHY, "%.80s is not a whole number from %u to %u",
			 *value ? value : "nothing", k->min, k->max);
		return -EINVAL;
	}
	*at = (unsigned int)n;
	return 0;
}

static int set_string(char *at, const char *value, char why[static CONFIG_WHY])
{
	if (strlen(value) >= CONFIG_STRING) {
		snprintf(why, CONFIG_WHY, "longer than %d bytes", CONFIG_STRING - 1);
		return -EINVAL;
	}
	strcpy(at, value);
	return 0;
}

static int set_bool(bool *at, const char *value, char why[static CONFIG_WHY])
{
	static const char *const words[] = { "no", "yes", "false", "true", "0", "1", "off", "on" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcasecmp(value, words[i])) {
			*at = i & 1;
			return 0;
		}
	}
	snprintf(why, CONFIG_WHY, "%.80s is neither yes nor no", value);
	return -EINVAL;
}

static int set_level(unsigned int *at, const char *value, char why[static CONFIG_WHY])
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (!strcasecmp(value, levels[i])) {
			*at = LOG_LEVEL_ERROR + (unsigned int)i;
			return 0;
		}
	}
	snprintf(why, CONFIG_WHY, "%.80s is not one of error, warning, notice, info, debug", value);
	return -EINVAL;
}

static const char *const whens[] = { "off", "auto", "on" };	/* enum loss_context_mode */

static int set_when(unsigned int *at, const char *value, char why[static CONFIG_WHY])
{
	for (size_t i = 0; i < ARRAY_SIZE(whens); i++) {
		if (!strcasecmp(value, whens[i])) {
			*at = (unsigned int)i;
			return 0;
		}
	}
	snprintf(why, CONFIG_WHY, "%.80s is not one of off, auto, on", value);
	return -EINVAL;
}

static int set_source(char *at, const char *value, char why[static CONFIG_WHY])
{
	if (!source_known(value)) {
		snprintf(why, CONFIG_WHY, "%.80s is not one of auto, bpf, net-dm, counters", value);
		return -EINVAL;
	}
	strcpy(at, value);
	return 0;
}

static int set(struct config *c, const struct key *k, const char *value,
	       char why[static CONFIG_WHY])
{
	char *at = (char *)c + k->at;

	switch (k->type) {
	case TYPE_UINT:
		return set_uint(k, (unsigned int *)(void *)at, value, why);
	case TYPE_STRING:
		return set_string(at, value, why);
	case TYPE_BOOL:
		return set_bool((bool *)(void *)at, value, why);
	case TYPE_LEVEL:
		return set_level((unsigned int *)(void *)at, value, why);
	case TYPE_SOURCE:
		return set_source(at, value, why);
	case TYPE_WHEN:
		return set_when((unsigned int *)(void *)at, value, why);
	}
	return -EINVAL;
}

static const struct key *find(const char *section, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].section, section) && !strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

void config_defaults(struct config *c)
{
	char why[CONFIG_WHY];

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		set(c, &keys[i], keys[i].unset, why);
}

int config_set(struct config *c, const char *key, const char *value, char why[static CONFIG_WHY])
{
	char section[32];
	const char *dot = strchr(key, '.');
	const struct key *k;

	if (!dot || (size_t)(dot - key) >= sizeof(section))
		return -ENOENT;
	memcpy(section, key, (size_t)(dot - key));
	section[dot - key] = '\0';
	k = find(section, dot + 1);
	return k ? set(c, k, value, why) : -ENOENT;
}

/* What a read of one file knows. inih does not tell its handler the line, so our reader counts. */
struct reading {
	FILE *f;
	const char *path;
	unsigned int line;
	/* the line before had no end: it was longer than inih's buffer */
	bool cut;
	uint64_t seen;			/* keys already given, by index */
	struct config *c;
	char *why;
	int error;
};

static void fail(struct reading *rd, const char *section, const char *name, const char *what)
{
	if (rd->error)
		return;	/* the first one is the one to mend */
	rd->error = -EINVAL;
	snprintf(rd->why, CONFIG_WHY, "%s:%u: %.60s%s%.60s: %.200s", rd->path, rd->line, section,
		 *name ? "." : "", name, what);
}

static char *next_line(char *buf, int size, void *arg)
{
	struct reading *rd = arg;
	char *got = fgets(buf, size, rd->f);

	if (!got)
		return NULL;
	if (!rd->cut)
		rd->line++;
	rd->cut = !strchr(buf, '\n') && !feof(rd->f);
	if (rd->cut)
		fail(rd, "line", "", "too long");
	return got;
}

static int on_key(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *rd = arg;
	const struct key *k = find(section, name);
	char why[CONFIG_WHY];

	if (!k)
		fail(rd, section, name, "no such key; taplossd --print-config shows all");
	else if (rd->seen & (1ULL << (k - keys)))
		fail(rd, section, name, "given twice");
	else if (set(rd->c, k, value ? value : "", why) < 0)
		fail(rd, section, name, why);
	if (k)
		rd->seen |= 1ULL << (k - keys);
	return 1;
}

int config_read(const char *path, struct config *c, char why[static CONFIG_WHY])
{
	struct config next = *c;
	struct reading rd = { .path = path, .c = &next, .why = why };
	int line;

	rd.f = fopen(path, "re");
	if (!rd.f) {
		int error = errno;

		snprintf(why, CONFIG_WHY, "%s: %s", path, strerror(error));
		return -error;
	}
	line = ini_parse_stream(next_line, &rd, on_key, &rd);
	if (!rd.error && ferror(rd.f)) {
		rd.error = -EIO;
		snprintf(why, CONFIG_WHY, "%s: cannot be read", path);
	}
	fclose(rd.f);
	if (!rd.error && line > 0) {
		rd.line = (unsigned int)line;
		fail(&rd, "line", "", "neither [section] nor key = value");
	}
	if (rd.error)
		return rd.error;
	*c = next;
	return 0;
}

unsigned int config_uris(const struct config *c, char buf[static CONFIG_STRING],
			 const char *ret[static CONFIG_MAX_URIS])
{
	unsigned int n = 0;
	char *save = NULL;

	strcpy(buf, c->uris);
	for (char *uri = strtok_r(buf, " \t\n", &save); uri && n < CONFIG_MAX_URIS;
	     uri = strtok_r(NULL, " \t\n", &save))
		if (strcmp(uri, "none") != 0)
			ret[n++] = uri;
	return n;
}

static void print_value(FILE *f, const struct config *c, const struct key *k)
{
	const char *at = (const char *)c + k->at;

	switch (k->type) {
	case TYPE_UINT:
		fprintf(f, "%u", *(const unsigned int *)(const void *)at);
		break;
	case TYPE_STRING:
	case TYPE_SOURCE:
		fputs(at, f);
		break;
	case TYPE_BOOL:
		fputs(*(const bool *)(const void *)at ? "yes" : "no", f);
		break;
	case TYPE_LEVEL:
		fputs(levels[*(const unsigned int *)(const void *)at - LOG_LEVEL_ERROR], f);
		break;
	case TYPE_WHEN:
		fputs(whens[*(const unsigned int *)(const void *)at], f);
		break;
	}
}

void config_print(FILE *f, const struct config *c)
{
	const char *section = "";

	fputs("# taploss.conf - see taploss.conf(5)\n", f);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct key *k = &keys[i];

		if (strcmp(section, k->section) != 0)
			fprintf(f, "\n[%s]\n", k->section);
		section = k->section;
		fprintf(f, "# %s", k->help);
		if (k->type == TYPE_UINT)
			fprintf(f, " From %u to %u", k->min, k->max);
		if (*k->unset)
			fprintf(f, " (default: %s)", k->unset);
		fprintf(f, "%s\n%s = ", k->type == TYPE_UINT ? "." : "", k->name);
		print_value(f, c, k);
		fputc('\n', f);
	}
}
