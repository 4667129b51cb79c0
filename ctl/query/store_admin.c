/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_admin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/base.h"
#include "ctl/print/global.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/when.h"

/* Prune. */

static int print_done(const struct global *g, const struct maintain_done *d)
{
	if (g->format == FORMAT_JSON)
		return out_json(json_pack("{si si si si si}", "taken_up_days", (int)d->rolled_up,
					  "thinned_days", (int)d->downsampled, "forgotten_days",
					  (int)d->deleted, "hours_forgotten_days",
					  (int)d->hours_deleted, "sums_forgotten_days",
					  (int)d->sums_deleted));
	printf("days summed up in history.db: %u; thinned to minutes: %u; files deleted: %u; hours "
	       "forgotten: %u; sums forgotten: %u\n",
	       d->rolled_up, d->downsampled, d->deleted, d->hours_deleted, d->sums_deleted);
	return out_done();
}

int store_prune(const struct global *g, const struct maintain_limits *l)
{
	_cleanup_(close_fdp) int lock = -1;
	char why[SCHEMA_WHY] = "", meta[PATH_MAX];
	struct maintain_done done;
	int pid = 0, r;

	snprintf(meta, sizeof(meta), "%s/meta.db", g->store);
	if (access(meta, F_OK) < 0) {
		message_error("no store in %s: %s (--store or TAPLOSS_STORE)", g->store,
			      strerror(errno));
		return EXIT_FAILED;
	}
	r = schema_agent_lock(g->store, &lock, &pid);
	if (r == -EBUSY)
		message_error(
			"taplossd (pid %d) runs on this store and prunes it itself: set "
			"seconds_days, retention_days, hours_days in taploss.conf, or stop it",
			pid);
	else if (r < 0)
		message_error("%s/lock: %s", g->store, strerror(-r));
	if (r < 0)
		return EXIT_FAILED;
	r = maintain(g->store, l, now_ns(), NULL, &done, why);
	if (r >= 0)
		return print_done(g, &done);
	message_error("%s", why);
	return EXIT_FAILED;
}

/* Backup. Days first: names that their rows point to are in meta.db by then, and a day that goes
 * meanwhile is in history.db. */

static int sync_path(const char *path, int flags)
{
	_cleanup_(close_fdp) int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int copy_pages(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc;

	if (!b)
		return schema_fault(to);
	/* In one go: a writer of the same file lets it begin again after each pause. */
	rc = sqlite3_backup_step(b, -1);
	sqlite3_backup_finish(b);
	return rc == SQLITE_DONE ? 0 : schema_errno(rc) < 0 ? schema_errno(rc) : -EIO;
}

/* -ENOENT: there is none, which is no fault. */
static int copy_file(const char *from_dir, const char *to_dir, const char *name,
		     enum schema_kind kind)
{
	char from[PATH_MAX], to[PATH_MAX], why[SCHEMA_WHY];
	sqlite3 *in = NULL, *out = NULL;
	int r;

	snprintf(from, sizeof(from), "%s/%s", from_dir, name);
	snprintf(to, sizeof(to), "%s/%s", to_dir, name);
	r = schema_open(from, kind, SCHEMA_READ, &in, why);
	if (r < 0) {
		if (r != -ENOENT)
			message_error("%s", why);
		return r;
	}
	r = sqlite3_open_v2(to, &out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK
		    ? copy_pages(in, out)
		    : schema_fault(out);
	/* As a day that is over: without -wal and -shm, wherever it is put. */
	if (r >= 0 &&
	    sqlite3_exec(out, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK)
		r = schema_fault(out);
	sqlite3_close_v2(out);
	schema_close(in);
	if (r >= 0)
		r = chmod(to, 0640) < 0 ? -errno : sync_path(to, O_RDONLY);
	if (r < 0)
		message_error("%s cannot be copied to %s: %s", from, to, strerror(-r));
	return r;
}

static int copy_all(const char *from, const char *to)
{
	_cleanup_(freep) struct schema_day *days = NULL;
	size_t n = 0;
	int r = schema_days(from, &days, &n);

	if (r < 0)
		message_error("no store in %s: %s (--store or TAPLOSS_STORE)", from, strerror(-r));
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = copy_file(from, to, days[i].name, SCHEMA_DAY);
		r = r == -ENOENT ? 0 : r;
	}
	if (r >= 0) {
		r = copy_file(from, to, "history.db", SCHEMA_HISTORY);
		r = r == -ENOENT ? 0 : r;
	}
	if (r >= 0) {
		r = copy_file(from, to, "meta.db", SCHEMA_META);
		if (r == -ENOENT)
			message_error(
				"no store in %s: there is no meta.db (--store or TAPLOSS_STORE)",
				from);
	}
	return r;
}

static void remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

int store_backup(const struct global *g, const char *to)
{
	_cleanup_(freep) char *tmp = NULL;
	struct stat st;

	if (asprintf(&tmp, "%s.new", to) < 0)
		abort();
	if (stat(to, &st) == 0) {
		message_error("%s is there already; name a directory that is not", to);
		return EXIT_FAILED;
	}
	remove_dir(tmp);	/* of a backup that was cut off */
	if (mkdir(tmp, 0750) < 0) {
		message_error("%s cannot be made: %s", tmp, strerror(errno));
		return EXIT_FAILED;
	}
	if (copy_all(g->store, tmp) < 0) {
		remove_dir(tmp);
		return EXIT_FAILED;
	}
	if (sync_path(tmp, O_RDONLY | O_DIRECTORY) == 0 && rename(tmp, to) == 0)
		return EXIT_OK;
	message_error("%s cannot be made: %s", to, strerror(errno));
	remove_dir(tmp);
	return EXIT_FAILED;
}

/* Export. */

struct export {
	struct reader *v;
	bool failed;
};

static void on_row(int64_t series, uint64_t t_ns, uint64_t span_ns, const struct reader_sum *sum,
		   void *arg)
{
	struct export *e = arg;
	const struct reader_series *s = &e->v->series[series];
	json_t *o = json_pack("{sI sI}", "t_ns", (json_int_t)t_ns, "span_ns", (json_int_t)span_ns),
	       *names = split_object(e->v, s, BY_ALL);

	json_object_update(o, names);
	json_object_set_new(o, "frames", out_int(sum->frames));
	json_object_set_new(o, "segments", out_int(sum->segments));
	json_object_set_new(o, "bytes", out_int(sum->bytes));
	e->failed |= json_dumpf(o, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF;
	json_decref(names);
	json_decref(o);
}

int store_export(const struct global *g, const struct window *w, struct filter *f)
{
	struct export e = { .v = reader_open(g->store) };
	bool *wanted;
	int r;

	if (!e.v)
		return EXIT_FAILED;
	wanted = calloc(e.v->n_series + 1, sizeof(bool));
	if (!wanted)
		abort();
	r = filter_resolve(f, e.v);
	for (size_t i = 0; i < e.v->n_series && r >= 0; i++)
		wanted[i] = e.v->series[i].id && filter_passes(f, e.v, &e.v->series[i]) &&
			    (f->masked || !e.v->series[i].mask);
	if (r >= 0)
		r = reader_rows(e.v, w->since_ns, w->until_ns, false, wanted, on_row, &e);
	free(wanted);
	reader_free(e.v);
	return r < 0 ? EXIT_FAILED : e.failed ? out_done() | EXIT_FAILED : out_done();
}
