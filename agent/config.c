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
	  "How often loss is read and stored: the resolution of every timeline." },
	{ "agent", "log", TYPE_LEVEL, AT(log_level), 0, 0, "notice",
	  "error, warning, notice, info or debug." },
	{ "store", "directory", TYPE_STRING, AT(store), 0, 0, "/var/lib/taploss",
	  "Where the timelines are kept." },
	{ "store", "seconds_days", TYPE_UINT, AT(seconds_days), 0, 36500, "7",
	  "Days for which each interval's loss is kept; older ones are summed up by the minute; 0 "
	  "is no limit." },
	{ "store", "seconds_max_mib", TYPE_UINT, AT(seconds_max_mib), 0, 1 << 24, "768",
	  "Days with each interval's loss together, the day at hand included; the oldest are "
	  "summed up first; 0 is no limit." },
	{ "store", "retention_days", TYPE_UINT, AT(retention_days), 0, 36500, "90",
	  "Day files older than this are deleted, their sums by hour and day stay in history.db; 0 "
	  "keeps them for ever." },
	{ "store", "max_size_mib", TYPE_UINT, AT(max_size_mib), 0, 1 << 24, "2048",
	  "All day files together; the oldest closed days are deleted first; 0 is no limit." },
	{ "store", "hours_days", TYPE_UINT, AT(hours_days), 0, 36500, "730",
	  "Days for which history.db keeps sums by the hour; those by the day stay; 0 is no "
	  "limit." },
	{ "store", "history_max_mib", TYPE_UINT, AT(history_max_mib), 0, 1 << 24, "4096",
	  "history.db; its oldest days go first; 0 is no limit." },
	{ "store", "storm_rows", TYPE_UINT, AT(storm_rows), 100, 1000000, "4000",
	  "When one interval has more loss rows than this, rows of 10 s are stored until it calms "
	  "down. No frame is left out." },
	{ "loss", "source", TYPE_SOURCE, AT(source), 0, 0, "auto",
	  "What counts loss: bpf; net-dm (the kernel's drop monitor); counters (the devices' own: "
	  "no reasons); auto: the first that works." },
	{ "bpf", "pin_dir", TYPE_STRING, AT(pin_dir), 0, 0, "/sys/fs/bpf/taploss",
	  "Where the kernel's counters are pinned, so that they go on while no agent runs; empty: "
	  "not pinned." },
	{ "bpf", "max_keys", TYPE_UINT, AT(max_keys), 64, 1 << 20, "32768",
	  "How many different losses (device, queue, reason, place) the kernel can tell apart; "
	  "fixed when the map is made." },
	{ "bpf", "path", TYPE_BOOL, AT(path), 0, 0, "yes",
	  "Also count what is lost of the VMs' frames above their taps: bridge, filters, queues, "
	  "uplink (class PATH)." },
	{ "bpf", "xdp", TYPE_BOOL, AT(xdp), 0, 0, "yes",
	  "Also count frames that XDP redirects into a full tap, and XDP programs that fail on a "
	  "tap." },
	{ "bpf", "context", TYPE_WHEN, AT(context), 0, 0, "auto",
	  "Programs that name the queue of what a vhost worker loses, run for each batch a guest "
	  "sends: on, off, auto (only while it loses)." },
	{ "libvirt", "uri", TYPE_STRING, AT(uris), 0, 0, "qemu:///system",
	  "One or more libvirt URIs, separated by blanks; none uses /proc alone." },
	{ "libvirt", "resync_s", TYPE_UINT, AT(libvirt_resync_s), 1, 86400, "60",
	  "How often all domains are listed again, events or not." },
	{ "proc", "enabled", TYPE_BOOL, AT(proc), 0, 0, "yes",
	  "Look in /proc for the processes that hold taps." },
	{ "proc", "resync_s", TYPE_UINT, AT(proc_resync_s), 1, 86400, "30",
	  "How often all processes are looked at, besides when a tap appears." },
	{ "probe", "where", TYPE_STRING, AT(probe_where), 0, 0, "",
	  "Where small probe VMs measure the path to guests: bridge:NAME, network:NAME, several "
	  "separated by blanks; empty: nowhere." },
	{ "probe", "every_min", TYPE_UINT, AT(probe_every_min), 1, 10080, "60",
	  "How often, in minutes." },
	{ "probe", "first_s", TYPE_UINT, AT(probe_first_s), 0, 86400, "60",
	  "How long after the start the first one begins." },
	{ "probe", "frames", TYPE_UINT, AT(probe_frames), 1, 1000000, "5000",
	  "Frames that one sends." },
	{ "probe", "rate", TYPE_UINT, AT(probe_rate), 1, 1000000, "2000", "... in a second." },
	{ "probe", "budget_s", TYPE_UINT, AT(probe_budget_s), 5, 3600, "60",
	  "How long one may take, from its VM's start on; then it is ended." },
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
			fprintf(f, " From %u to %u.", k->min, k->max);
		fprintf(f, "\n%s = ", k->name);
		print_value(f, c, k);
		fputc('\n', f);
	}
}
