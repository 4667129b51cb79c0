/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../collector/base.h"
#include "../schema/schema.h"
#include "cmd.h"
#include "out.h"

static const struct column columns[] = {
	{ "file", "FILE", COL_TEXT }, { "bytes", "SIZE", COL_BYTES }, { "state", "STATE", COL_TEXT }, { "why", "WHY", COL_NAME },
};

static json_t *check_file(const char *dir, const char *name, enum schema_kind kind, bool *bad)
{
	char path[4096], why[SCHEMA_WHY] = "";
	struct stat st = { 0 };
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	r = schema_check(path, kind, why);
	if (stat(path, &st) < 0)
		st.st_size = 0;
	*bad |= r < 0;
	return json_pack("{ss sI ss ss}", "file", name, "bytes", (json_int_t)st.st_size, "state",
			 r >= 0 ? "healthy" : r == -EUCLEAN ? "damaged" : r == -EMEDIUMTYPE ? "foreign" : r == -EPROTO ? "newer" : "unreadable", "why",
			 r >= 0 ? "" : why);
}

static int check(const struct global *g)
{
	struct schema_day *days = NULL;
	json_t *files = json_array();
	bool bad = false;
	size_t n = 0, i;
	json_t *f;
	int r = schema_days(g->store, &days, &n);

	if (r < 0) {
		complain("no store in %s: %s (--store or TAPLOSS_STORE)", g->store, strerror(-r));
		json_decref(files);
		return EXIT_FAILED;
	}
	json_array_append_new(files, check_file(g->store, "meta.db", SCHEMA_META, &bad));
	for (i = 0; i < n; i++)
		json_array_append_new(files, check_file(g->store, days[i].name, SCHEMA_DAY, &bad));
	free(days);
	if (g->format == FORMAT_JSON) {
		r = out_json(json_pack("{sb sO}", "healthy", !bad, "files", files));
	} else {
		if (g->format == FORMAT_CSV)
			out_csv(columns, ARRAY_SIZE(columns), files);
		else
			out_table(g, columns, 3, files);
		r = out_done();
	}
	json_array_foreach(files, i, f) {
		const char *why = json_string_value(json_object_get(f, "why"));

		if (why && *why)
			complain("%s", why);
	}
	json_decref(files);
	return bad ? EXIT_FAILED : r;
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS, { 0 } };
	struct global mine = *g;
	int opt, status;

	while ((opt = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		int taken = global_option(&mine, &cmd_db, opt, &status);

		if (taken < 0)
			return status;
		if (!taken)
			return EXIT_USAGE;
	}
	if (argc - optind != 1 || strcmp(argv[optind], "check") != 0)
		return wrong_usage(&cmd_db, "check is what it can do");
	return check(&mine);
}

const struct cmd cmd_db = {
	.name = "db", .args = "check", .help = "are the files of the store whole", .run = run,
	.details = "  (exit status 1 when one is not)\n",
};
