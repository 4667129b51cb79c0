/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define GROUP "taploss"

const char *store_error(const struct store *s)
{
	return s->error;
}

/* The directory. */

static bool is_ours(const char *name)
{
	return !strncmp(name, "meta.db", 7) || !strncmp(name, "history.db", 10) ||
	       !strncmp(name, "timeline-", 9) || !strcmp(name, "lock");
}

/* Best effort: new files take the directory's group themselves, older ones may be from before the
 * group was made. */
static void give_to(int dirfd, gid_t gid)
{
	DIR *d = fdopendir(dup(dirfd));
	struct dirent *e;
	struct stat st;

	while (d && (e = readdir(d))) {
		if (!is_ours(e->d_name) || fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (st.st_gid != gid &&
		    fchownat(dirfd, e->d_name, (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW) < 0)
			break;
	}
	if (d)
		closedir(d);
}

/* Members of the group taploss may read. A directory that has a group of its own choice keeps it.
 */
static void share(int dirfd)
{
	const struct group *g = getgrnam(GROUP);
	struct stat st;

	if (fstat(dirfd, &st) < 0)
		return;
	if (g && st.st_gid == 0 && g->gr_gid != 0) {
		if (fchown(dirfd, (uid_t)-1, g->gr_gid) < 0)
			return;
		st.st_gid = g->gr_gid;
	}
	give_to(dirfd, st.st_gid);
}

static int open_dir(struct store *s, const char *dir)
{
	if (snprintf(s->dir, sizeof(s->dir), "%s", dir) >= (int)sizeof(s->dir))
		return -ENAMETOOLONG;
	if (mkdir(dir, 0750) < 0 && errno != EEXIST)
		return -errno;
	_cleanup_(close_fdp) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	share(fd);
	return 0;
}

static int take_lock(struct store *s, char why[static SCHEMA_WHY])
{
	int pid = 0, r = schema_agent_lock(s->dir, &s->lock, &pid);

	if (r == -EBUSY && pid)
		return store_say(
			why, r,
			"another taplossd (pid %d) writes to %s; stop it or use another --store",
			pid, s->dir);
	if (r == -EBUSY)
		return store_say(why, r,
				 "another taplossd writes to %s; stop it or use another --store",
				 s->dir);
	return r < 0 ? store_say(why, r, "%s/lock cannot be taken: %s", s->dir, strerror(-r)) : 0;
}

/* Open and close. */

static int died_before(struct store *s)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(&s->meta, &st, "SELECT clean FROM run ORDER BY id DESC LIMIT 1", "");

	return r > 0 ? !sqlite3_column_int(st, 0) : r;
}

static int open_all(struct store *s, char why[static SCHEMA_WHY])
{
	int r = take_lock(s, why), died;

	if (r < 0)
		return r;
	r = store_chores_start(s);
	if (r < 0)
		return store_say(why, r, "no thread: %s", strerror(-r));
	r = store_ready(&s->meta);
	if (r < 0)
		return store_say(why, r, "%s", s->error);
	r = store_day_resume(s, why);
	if (r < 0)
		return r;
	died = died_before(s);
	if (died > 0)
		died = store_recover_attributions(s);
	return died < 0 ? store_say(why, died, "%s", s->error) : 0;
}

static void store_freep(struct store **s)
{
	store_close(*s);
}

int store_open(const char *dir, const struct store_options *opt, struct store **ret,
	       char why[static SCHEMA_WHY])
{
	_cleanup_(store_freep) struct store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return store_say(why, -ENOMEM, "out of memory");
	s->lock = -1;
	s->opt = *opt;
	s->meta.kind = SCHEMA_META;
	s->day.kind = SCHEMA_DAY;
	s->meta.opened = store_unsay;
	s->day.opened = store_day_opened;
	s->meta.error = s->day.error = s->error;
	r = open_dir(s, dir);
	if (r < 0)
		return store_say(why, r, "%s cannot be used as a store: %s", dir, strerror(-r));
	snprintf(s->meta.path, sizeof(s->meta.path), "%s/meta.db", s->dir);
	r = open_all(s, why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

static int end_run(struct store *s)
{
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = store_exec(&s->meta,
		       "UPDATE run SET until_ns = max(since_ns, ?), clean = 1 WHERE id = ?", "ui",
		       s->last_ns, s->run_id);
	return store_meta_end(s, r);
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	store_chores_stop(s);
	store_flush_coverage(s);
	if (s->run_id)
		end_run(s);
	store_db_close(&s->day);
	store_db_close(&s->meta);
	hours_clear(&s->hours);
	store_series_forget(s);
	store_unsay(&s->meta);
	close_fd(s->lock);
	free(s);
	return NULL;
}

/* In WAL mode with synchronous=NORMAL a COMMIT is in the page cache only. This is what FULL would
 * do at each COMMIT, once for all of them; a row of a day file may point to them afterwards. */
int store_sync_meta(struct store *s)
{
	sqlite3_file *wal = NULL;
	int r;

	if (!s->meta_dirty)
		return 0;
	r = store_ready(&s->meta);
	if (r < 0)
		return r;
	if (sqlite3_file_control(s->meta.db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) ==
		    SQLITE_OK &&
	    wal && wal->pMethods && wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL) != SQLITE_OK)
		return store_complain(&s->meta, -EIO, "cannot be synced");
	s->meta_dirty = false;
	return 0;
}

/* The run and its sources. */

int store_run_begin(struct store *s, const struct store_run *run)
{
	int64_t id = 0;
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = store_exec(&s->meta, "DELETE FROM source", "");	/* the last run's words */
	if (r >= 0)
		r = store_exec(&s->meta,
			       "INSERT INTO run (pid, version, kernel, reasons, interval_ns, "
			       "since_ns) VALUES (?, ?, ?, ?, ?, ?)",
			       "ittiuu", (int64_t)run->pid, run->version, run->kernel,
			       (int64_t)run->reasons, run->interval_ns, run->since_ns);
	if (r >= 0)
		id = sqlite3_last_insert_rowid(s->meta.db);
	r = store_meta_end(s, r);
	if (r >= 0)
		s->run_id = id;
	return r;
}

int store_run_interval(struct store *s, uint64_t interval_ns, uint64_t now_ns)
{
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = store_event_interval(s, interval_ns, now_ns);
	if (r >= 0)
		r = store_exec(&s->meta, "UPDATE run SET interval_ns = ? WHERE id = ?", "ui",
			       interval_ns, s->run_id);
	return store_meta_end(s, r);
}
