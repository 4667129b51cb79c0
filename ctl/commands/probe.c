/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/base.h"
#include "ctl/options/number.h"
#include "ctl/options/options.h"
#include "ctl/options/usage.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/probe/options.h"
#include "ctl/probe/print.h"
#include "ctl/probe/store.h"
#include "commands.h"

static sqlite3 *open_store(const struct global *g, enum schema_mode mode)
{
	char path[4096], why[SCHEMA_WHY] = "";
	sqlite3 *db = NULL;
	int r;

	snprintf(path, sizeof(path), "%s/meta.db", g->store);
	r = schema_open(path, SCHEMA_META, mode, &db, why);
	if (r == -ENOENT)
		message_error(
			"no store in %s: is taplossd running with --store %s? (choose another "
			"with --store or TAPLOSS_STORE)",
			g->store, g->store);
	else if (r < 0)
		message_error("probe: %s; set --store or TAPLOSS_STORE",
			      why[0] ? why : strerror(-r));
	return r < 0 ? NULL : db;
}

static int show(const struct global *g, sqlite3 *db, int64_t id, bool fail)
{
	json_t *probe = probe_store_show(db, id);
	bool lost = false;
	json_t *step;
	size_t i;
	int status;

	if (!probe || json_is_null(probe)) {
		if (probe)
			message_error(
				"probe: no probe %lld in the store; see taplossctl probe list",
				(long long)id);
		else
			message_error("probe: cannot read the store: %s", sqlite3_errmsg(db));
		json_decref(probe);
		return EXIT_FAILED;
	}
	json_array_foreach(json_object_get(probe, "steps"), i, step)
		lost |= json_integer_value(json_object_get(step, "lost_frames")) > 0;
	status = probe_print(g, probe);
	return status == EXIT_OK && fail && lost ? EXIT_FOUND : status;
}

static int do_run(struct probe_request *rq, const char *kind, const char *where)
{
	char why[512];
	sqlite3 *db;
	int64_t id = 0;
	int r, status = EXIT_FAILED;

	if (!probe_options_run(rq, kind, where))
		return EXIT_USAGE;
	if (geteuid() != 0) {
		message_error("probe: run this as root: it starts a VM, sends frames and counts "
			      "what the kernel loses");
		return EXIT_FAILED;
	}
	db = open_store(&rq->g, SCHEMA_WRITE);
	if (!db)
		return EXIT_FAILED;
	r = probe_run(&rq->opt, db, &id, why);
	if (r < 0 && id)
		message_error("probe: %s; for partial results, see taplossctl probe show %lld", why,
			      (long long)id);
	else if (r < 0)
		message_error("probe: %s", why);
	else
		status = show(&rq->g, db, id, rq->fail);
	schema_close(db);
	return status;
}

static int do_read(struct probe_request *rq, const char *arg)
{
	uint64_t id = 0;
	sqlite3 *db;
	int status;

	if (arg && number_option("probe show", arg, 1, INT64_MAX, &id) < 0)
		return EXIT_USAGE;
	db = open_store(&rq->g, SCHEMA_READ);
	if (!db)
		return EXIT_FAILED;
	status = arg ? show(&rq->g, db, (int64_t)id, rq->fail)
		     : probe_print_list(&rq->g, probe_store_list(db));
	schema_close(db);
	return status;
}

static int run(const struct global *g, int argc, char **argv)
{
	_cleanup_(freep) struct probe_request *rq = calloc(1, sizeof(*rq));
	const char *verb, *arg;
	int status, n;

	if (!rq)
		abort();
	rq->g = *g;
	if (!probe_options_read(rq, &cmd_probe, argc, argv, &status))
		return status;
	n = argc - optind;
	verb = n > 0 ? argv[optind] : "";
	arg = n > 1 ? argv[optind + 1] : NULL;
	if (n == (rq->opt.vm.vm ? 1 : 2) && (!strcmp(verb, "run") || !strcmp(verb, "bench")))
		return do_run(rq, verb, arg);
	if (n == 1 && !strcmp(verb, "list"))
		return do_read(rq, NULL);
	if (n == 2 && !strcmp(verb, "show"))
		return do_read(rq, arg);
	return usage_error(
		&cmd_probe,
		"expected run WHERE, bench WHERE, list or show N (run and bench: WHERE or --vm)");
}

const struct cmd cmd_probe = {
	.name = "probe",
	.args = "run|bench|list|show",
	.help = "send numbered frames to a probe VM and account for each one",
	.details = probe_help,
	.run = run,
};
