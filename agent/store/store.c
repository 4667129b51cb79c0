/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store_priv.h"

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
		return why_set(r, why,
			"another taplossd (pid %d) writes to %s; stop it or use another --store",
			pid, s->dir);
	if (r == -EBUSY)
		return why_set(r, why,
				 "another taplossd writes to %s; stop it or use another --store",
				 s->dir);
	return r < 0 ? why_set(r, why, "cannot lock %s/lock: %s", s->dir, strerror(-r)) : 0;
}

/* Open and close. */

static int open_all(struct store *s, char why[static SCHEMA_WHY])
{
	int r = take_lock(s, why), died;

	if (r < 0)
		return r;
	r = store_maintenance_start(s);
	if (r < 0)
		return why_set(r, why, "cannot start a thread: %s", strerror(-r));
	r = db_ready(&s->meta);
	if (r < 0)
		return why_set(r, why, "%s", s->error);
	r = store_day_resume(s, why);
	if (r < 0)
		return r;
	died = store_run_died(s);
	if (died > 0)
		died = store_recover_attributions(s);
	return died < 0 ? why_set(died, why, "%s", s->error) : 0;
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
		return why_set(-ENOMEM, why, "out of memory");
	s->lock = -1;
	s->opt = *opt;
	db_init(&s->meta, SCHEMA_META, SCHEMA_WRITE, s->error);
	db_init(&s->day, SCHEMA_DAY, SCHEMA_WRITE, s->error);
	s->meta.opened = store_sources_forget;
	s->day.opened = store_day_opened;
	r = open_dir(s, dir);
	if (r < 0)
		return why_set(r, why, "%s cannot be used as a store: %s", dir, strerror(-r));
	snprintf(s->meta.path, sizeof(s->meta.path), "%s/meta.db", s->dir);
	r = open_all(s, why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	store_maintenance_stop(s);
	store_coverage_flush(s);
	if (s->run_id)
		store_run_end(s);
	db_close(&s->day);
	db_close(&s->meta);
	hours_clear(&s->hours);
	store_series_forget(s);
	store_sources_forget(&s->meta);
	close_fd(s->lock);
	free(s);
	return NULL;
}
