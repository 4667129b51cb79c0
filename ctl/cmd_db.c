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
#include "text.h"

static const struct column columns[] = {
	{ "file", "FILE", COL_TEXT }, { "bytes", "SIZE", COL_BYTES }, { "state", "STATE", COL_TEXT }, { "why", "WHY", COL_NAME },
};

static json_t *file_object(const char *dir, const char *name)
{
	char path[4096];
	struct stat st = { 0 };

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (stat(path, &st) < 0)
		st.st_size = 0;
	return json_pack("{ss sI}", "file", name, "bytes", (json_int_t)st.st_size);
}

static void add_finding(json_t *o, const char *dir, enum schema_kind kind, bool *bad)
{
	char path[4096], why[SCHEMA_WHY] = "";
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, json_string_value(json_object_get(o, "file")));
	r = schema_check(path, kind, why);
	*bad |= r < 0;
	json_object_set_new(o, "state", out_text(r >= 0 ? "healthy" : r == -EUCLEAN ? "damaged" : r == -EMEDIUMTYPE ? "foreign" :
						 r == -EPROTO ? "newer" : "unreadable"));
	json_object_set_new(o, "why", out_text(r >= 0 ? "" : why));
}

/* meta.db first, then the days. NULL after saying that there is no store. */
static json_t *list_files(const struct global *g)
{
	struct schema_day *days = NULL;
	json_t *files;
	size_t n = 0;
	int r = schema_days(g->store, &days, &n);

	if (r < 0) {
		complain("no store in %s: %s (--store or TAPLOSS_STORE)", g->store, strerror(-r));
		return NULL;
	}
	files = json_array();
	json_array_append_new(files, file_object(g->store, "meta.db"));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(files, file_object(g->store, days[i].name));
	free(days);
	return files;
}

static int print(const struct global *g, json_t *files, size_t n_columns, const char *key, json_t *value)
{
	if (g->format == FORMAT_JSON)
		return out_json(json_pack("{so sO}", key, value, "files", files));
	json_decref(value);
	if (g->format == FORMAT_CSV)
		out_csv(columns, n_columns, files);
	else
		out_table(g, columns, n_columns > 3 ? 3 : n_columns, files);	/* why: said below, once */
	return out_done();
}

static int check(const struct global *g)
{
	json_t *files = list_files(g), *f;
	bool bad = false;
	size_t i;
	int status;

	if (!files)
		return EXIT_FAILED;
	json_array_foreach(files, i, f)
		add_finding(f, g->store, i ? SCHEMA_DAY : SCHEMA_META, &bad);
	status = print(g, files, ARRAY_SIZE(columns), "healthy", json_boolean(!bad));
	json_array_foreach(files, i, f) {
		const char *why = json_string_value(json_object_get(f, "why"));

		if (*why)
			complain("%s", why);
	}
	json_decref(files);
	return bad ? EXIT_FAILED : status;
}

static int size(const struct global *g)
{
	json_t *files = list_files(g), *f;
	json_int_t sum = 0;
	char buf[32];
	size_t i;
	int status;

	if (!files)
		return EXIT_FAILED;
	json_array_foreach(files, i, f)
		sum += json_integer_value(json_object_get(f, "bytes"));
	status = print(g, files, 2, "bytes", json_integer(sum));
	if (g->format == FORMAT_TEXT)
		printf("%s in all\n", text_bytes(buf, (unsigned long long)sum));
	json_decref(files);
	return status == EXIT_OK ? out_done() : status;
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
	if (argc - optind == 1 && !strcmp(argv[optind], "check"))
		return check(&mine);
	if (argc - optind == 1 && !strcmp(argv[optind], "size"))
		return size(&mine);
	return wrong_usage(&cmd_db, "check or size");
}

const struct cmd cmd_db = {
	.name = "db", .args = "check|size", .help = "are the files of the store whole, how big are they", .run = run,
	.details = "  check            exit status 1 when one is not whole\n"
		   "  size             bytes, without what is not yet in the file (-wal)\n",
};
