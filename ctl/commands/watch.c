/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "ctl/options/number.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/options/usage.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/when.h"
#include "ctl/query/split.h"
#include "ctl/query/tally.h"
#include "commands.h"

#define BY_WATCH (BY_VM | BY_NIC | BY_DIRECTION)

/* One NIC and direction that was over the limit since this program began. */
struct alarm {
	char *key;
	json_t *who; /* VM, NIC and direction, as of when it was first over */
	bool over, seen;
	UT_hash_handle hh;
};

struct watch {
	struct global g;
	struct filter filter;
	double over_pct;
	/* floor: frames lost in for_ns below which nothing is reported */
	uint64_t for_ns, floor;
	const char *exec;
	uint64_t count; /* changes to report before it ends; 0: for ever */
	uint64_t reported;
	struct alarm *alarms;
};

static volatile sig_atomic_t ended;

static void on_end(int signo)
{
	(void)signo;
	ended = 1;
}

static void set(const char *name, const char *value)
{
	if (setenv(name, value ? value : "", 1) < 0)
		abort();
}

/* By the shell, with the facts in the environment: nothing that a guest's owner named is ever part
 * of the command. */
static void run_command(const struct watch *w, const json_t *line)
{
	static const char *const names[] = { "state", "vm", "uuid", "nic", "direction" };
	int status;
	pid_t pid;

	if (!w->exec)
		return;
	pid = fork();
	if (pid < 0) {
		message_error("--exec: cannot start the command: %s", strerror(errno));
		return;
	}
	if (!pid) {
		char name[32], pct[32];

		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			snprintf(name, sizeof(name), "TAPLOSS_%s", names[i]);
			for (char *c = name + 8; *c; c++)
				*c = (char)(*c - 'a' + 'A');
			set(name, json_string_value(json_object_get(line, names[i])));
		}
		snprintf(pct, sizeof(pct), "%.6g",
			 json_number_value(json_object_get(line, "loss_pct")));
		set("TAPLOSS_LOSS_PCT", pct);
		execl("/bin/sh", "sh", "-c", w->exec, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		message_error("--exec: the command failed: %.200s", w->exec);
}

/* One JSON line, at once. */
static int report(struct watch *w, const struct alarm *a, uint64_t t_ns, double pct,
		  uint64_t frames)
{
	json_t *line = must(json_copy(a->who));

	json_object_set_new(line, "t_ns", out_int(t_ns));
	json_object_set_new(line, "state", json_string(a->over ? "over" : "under"));
	json_object_set_new(line, "loss_pct", pct < 0 ? json_null() : json_real(pct));
	json_object_set_new(line, "frames", out_int(frames));
	run_command(w, line);
	w->reported++;
	return out_json(line);
}

static bool is_over(const struct watch *w, const struct tally_row *r)
{
	double pct = tally_harm_pct(r);

	return pct >= 0 && pct > w->over_pct && tally_harm(r) >= w->floor;
}

static struct alarm *alarm_of(struct watch *w, const char *key)
{
	struct alarm *a;

	HASH_FIND_STR(w->alarms, key, a);
	if (a)
		return a;
	a = must(calloc(1, sizeof(*a)));
	a->key = must(strdup(key));
	HASH_ADD_KEYPTR(hh, w->alarms, a->key, strlen(a->key), a);
	return a;
}

/* Has it been over the limit in each part of the time, and not just once? A third at a time. */
static int parts_over(const struct watch *w, struct reader *v, const struct window *win,
		      struct tally ret[static 3])
{
	uint64_t part = (win->until_ns - win->since_ns) / 3;

	for (int i = 0; i < 3; i++) {
		struct window third = { win->since_ns + (uint64_t)i * part,
					win->since_ns + (uint64_t)(i + 1) * part, win->now_ns };
		int r = tally_make(v, &third, &w->filter, BY_WATCH, &ret[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool in_all(const struct tally parts[static 3], const char *key)
{
	for (int i = 0; i < 3; i++) {
		size_t k = 0;

		while (k < parts[i].n &&
		       (strcmp(parts[i].rows[k].key, key) != 0 || !parts[i].rows[k].sum.frames))
			k++;
		if (k == parts[i].n)
			return false;
	}
	return true;
}

static int judge(struct watch *w, struct reader *v, const struct window *win, const struct tally *t,
		 const struct tally parts[static 3])
{
	struct alarm *a, *tmp;
	int status = EXIT_OK;

	HASH_ITER(hh, w->alarms, a, tmp)
		a->seen = false;
	for (size_t i = 0; i < t->n && status == EXIT_OK; i++) {
		const struct tally_row *r = &t->rows[i];
		bool over = is_over(w, r);

		a = alarm_of(w, r->key);
		a->seen = true;
		if (a->over == over || (over && !in_all(parts, r->key)))
			continue;
		a->over = over;
		if (!a->who)
			a->who = split_object(v, r->series, BY_WATCH);
		status = report(w, a, win->until_ns, tally_harm_pct(r), tally_harm(r));
	}
	HASH_ITER(hh, w->alarms, a, tmp) {
		if (a->seen || !a->over || status != EXIT_OK)
			continue;
		a->over = false;	/* nothing at all was lost in the whole time */
		status = report(w, a, win->until_ns, 0, 0);
	}
	return status;
}

static int look(struct watch *w)
{
	struct reader *v = query_begin(w->g.store);
	struct window win = { .until_ns = now_ns() };
	struct tally t = { 0 }, parts[3] = { 0 };
	int status = EXIT_FAILED;

	if (!v)
		return EXIT_FAILED;
	win.now_ns = win.until_ns;
	win.since_ns = win.until_ns - w->for_ns;
	if (filter_resolve(&w->filter, v) == 0 &&
	    tally_make(v, &win, &w->filter, BY_WATCH, &t) == 0 &&
	    parts_over(w, v, &win, parts) == 0)
		status = judge(w, v, &win, &t, parts);
	for (int i = 0; i < 3; i++)
		tally_free(&parts[i]);
	tally_free(&t);
	query_end(v);
	return status;
}

enum { OPT_OVER = OPT_OWN, OPT_FOR, OPT_EXEC, OPT_FLOOR, OPT_COUNT };

static int own_option(void *arg, int opt, const char *value)
{
	struct watch *w = arg;
	char *end;

	switch (opt) {
	case OPT_OVER:
		w->over_pct = strtod(value, &end);
		if (end != value && (!*end || !strcmp(end, "%")) && w->over_pct >= 0 &&
		    w->over_pct < 100)
			return 1;
		message_error("--over: \"%.60s\" is not a percentage from 0 to 100, such as 0.1",
			      value);
		return -1;
	case OPT_FOR:
		if (when_length(value, &w->for_ns) == 0 && w->for_ns >= NSEC_PER_SEC &&
		    w->for_ns <= NSEC_PER_HOUR)
			return 1;
		message_error("--for: \"%.60s\" is not a length of time from 1s to 1h, such as 10s",
			      value);
		return -1;
	case OPT_EXEC:
		w->exec = value;
		return 1;
	case OPT_FLOOR:
		return number_option("--floor", value, 0, UINT64_MAX, &w->floor);
	case OPT_COUNT:
		return number_option("--count", value, 0, UINT64_MAX, &w->count);
	default:
		return 0;
	}
}

static int loop(struct watch *w)
{
	struct sigaction end = { .sa_handler = on_end };
	struct timespec second = { .tv_sec = 1 };
	int status = EXIT_OK;

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	while (!ended && status == EXIT_OK && (!w->count || w->reported < w->count)) {
		status = look(w);
		if (status == EXIT_OK && (!w->count || w->reported < w->count))
			nanosleep(&second, NULL);
	}
	return status;
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS,
						 FILTER_OPTIONS,
						 { "over", required_argument, NULL, OPT_OVER },
						 { "for", required_argument, NULL, OPT_FOR },
						 { "exec", required_argument, NULL, OPT_EXEC },
						 { "floor", required_argument, NULL, OPT_FLOOR },
						 { "count", required_argument, NULL, OPT_COUNT },
						 { 0 } };
	struct watch w = { .g = *g, .over_pct = 0.1, .for_ns = 10 * NSEC_PER_SEC, .floor = 10 };
	struct alarm *a, *tmp;
	const struct options o = {
		.cmd = &cmd_watch,
		.table = options,
		.global = &w.g,
		.filter = &w.filter,
		.own = own_option,
		.arg = &w,
	};
	int status;

	filter_init(&w.filter);
	if (!options_read(&o, argc, argv, &status))
		return status;
	if (optind < argc)
		return usage_error(&cmd_watch,
				   "unexpected argument \"%.60s\"; select VMs with --vm",
				   argv[optind]);
	status = loop(&w);
	HASH_ITER(hh, w.alarms, a, tmp) {
		HASH_DEL(w.alarms, a);
		free(a->key);
		json_decref(a->who);
		free(a);
	}
	return status;
}

static const char details[] =
	"  --over PCT       limit: percent of the frames that are lost (default: 0.1)\n"
	"  --for LENGTH     period over which loss is measured, 1s to 1h (default: 10s)\n"
	"  --floor N        ignore loss of fewer than N frames in that period\n"
	"                   (default: 10)\n"
	"  --exec CMD       at each change, run CMD with sh. Its environment holds\n"
	"                   TAPLOSS_STATE, TAPLOSS_VM, TAPLOSS_UUID, TAPLOSS_NIC,\n"
	"                   TAPLOSS_DIRECTION and TAPLOSS_LOSS_PCT.\n"
	"  --count N        exit after N changes; 0: run until interrupted (default: 0)\n"
	FILTER_HELP
	"\n"
	"At each change, one line of JSON is printed.\n";

const struct cmd cmd_watch = {
	.name = "watch",
	.args = "",
	.help = "report when the loss of a VM crosses a limit, for scripts",
	.details = details,
	.run = run,
};
