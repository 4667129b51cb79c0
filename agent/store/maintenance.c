/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "collector/clock.h"
#include "schema/maintain.h"

/* at most so much of the newest history does a power failure cost */
#define MAINTENANCE_NS (60 * NSEC_PER_SEC)
/* pages; SQLite's own limit, at which a COMMIT would wait for the disk */
#define LONG_WAL 1000
#define LONGEST_WAL 8000		/* the thread does not keep up: the writer does it */

/* What takes long, or waits for the disk, is done beside the loop. @lock guards all but @stop. */
struct maintenance {
	char dir[PATH_MAX - 64], day[PATH_MAX], meta[PATH_MAX];
	struct maintain_limits limits;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool wanted, running, held, quit;
	bool long_wal;			/* a checkpoint of the day at hand is wanted, and no more */
	atomic_bool stop;
	uint64_t now_ns, oldest_ns;
	int result;
	char why[SCHEMA_WHY];
};

static void checkpoint(const char *path, enum schema_kind kind)
{
	char why[SCHEMA_WHY];
	sqlite3 *db = NULL;

	if (!*path || schema_open(path, kind, SCHEMA_REWRITE, &db, why) < 0)
		return;
	sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close_v2(db);
}

static void checkpoint_own(struct store_db *d)
{
	if (d->sql.db)
		sqlite3_wal_checkpoint_v2(d->sql.db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/* Without the lock. */
static void maintain_days(struct maintenance *m, uint64_t now_ns)
{
	char why[SCHEMA_WHY] = "";
	struct maintain_done done;
	int r;

	checkpoint(m->meta, SCHEMA_META);
	r = maintain(m->dir, &m->limits, now_ns, &m->stop, &done, why);
	pthread_mutex_lock(&m->lock);
	m->result = r;
	m->oldest_ns = done.oldest_ns ? done.oldest_ns : m->oldest_ns;
	strcpy(m->why, why);
	pthread_mutex_unlock(&m->lock);
}

static void *work(void *arg)
{
	struct maintenance *m = arg;
	char day[PATH_MAX];
	uint64_t now;
	bool all;

	pthread_mutex_lock(&m->lock);
	for (;;) {
		while (!m->quit && ((!m->wanted && !m->long_wal) || m->held))
			pthread_cond_wait(&m->changed, &m->lock);
		if (m->quit)
			break;
		all = m->wanted;
		m->wanted = m->long_wal = false;
		m->running = true;
		strcpy(day, m->day);
		now = m->now_ns;
		pthread_mutex_unlock(&m->lock);
		checkpoint(day, SCHEMA_DAY);
		if (all)
			maintain_days(m, now);
		pthread_mutex_lock(&m->lock);
		m->running = false;
		pthread_cond_broadcast(&m->changed);
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* After a COMMIT. A checkpoint waits for the disk and a tick must not: it is the thread's. */
static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct store *s = arg;
	struct maintenance *m = s->maintenance;

	(void)name;
	if (pages < s->wal_pages)
		s->wal_pages = 0;	/* it began anew */
	if (pages - s->wal_pages >= LONGEST_WAL) {
		/* With a reader in the way it only gets longer: not each time. When the thread is
		 * at it (SQLITE_BUSY), soon again. */
		if (sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) ==
		    SQLITE_OK)
			s->wal_pages = pages;
	} else if (pages >= LONG_WAL && m) {	/* without: the store is being closed */
		pthread_mutex_lock(&m->lock);
		strcpy(m->day, s->day.path);
		m->long_wal = true;
		pthread_cond_broadcast(&m->changed);
		pthread_mutex_unlock(&m->lock);
	}
	return SQLITE_OK;
}

void store_maintenance_watch(struct store *s)
{
	s->wal_pages = 0;
	if (s->opt.background)
		sqlite3_wal_hook(s->day.sql.db, on_commit, s);
}

int store_maintenance_start(struct store *s)
{
	struct maintenance *m = calloc(1, sizeof(*m));
	sigset_t all, old;
	int r;

	if (!m)
		return -ENOMEM;
	snprintf(m->dir, sizeof(m->dir), "%s", s->dir);
	snprintf(m->meta, sizeof(m->meta), "%s", s->meta.path);
	m->limits = (struct maintain_limits){
		.fine_days = s->opt.fine_days,
		.days = s->opt.retention_days,
		.hour_days = s->opt.hour_days,
		.fine_bytes = s->opt.fine_bytes,
		.bytes = s->opt.max_bytes,
		.history_bytes = s->opt.history_bytes,
	};
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->changed, NULL);
	s->maintenance = m;
	if (!s->opt.background)
		return 0;
	sigfillset(&all);	/* signals are the loop's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&m->thread, NULL, work, m);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r) {
		s->maintenance = NULL;
		free(m);
	}
	return -r;
}

void store_maintenance_stop(struct store *s)
{
	struct maintenance *m = s->maintenance;

	if (!m)
		return;
	if (s->opt.background) {
		pthread_mutex_lock(&m->lock);
		m->quit = true;
		m->stop = true;
		pthread_cond_broadcast(&m->changed);
		pthread_mutex_unlock(&m->lock);
		pthread_join(m->thread, NULL);
	}
	pthread_cond_destroy(&m->changed);
	pthread_mutex_destroy(&m->lock);
	free(m);
	s->maintenance = NULL;
}

void store_maintenance_hold(struct store *s)
{
	struct maintenance *m = s->maintenance;

	pthread_mutex_lock(&m->lock);
	m->held = true;
	m->stop = true;
	while (m->running)
		pthread_cond_wait(&m->changed, &m->lock);
	m->stop = false;
	pthread_mutex_unlock(&m->lock);
}

void store_maintenance_release(struct store *s)
{
	struct maintenance *m = s->maintenance;

	pthread_mutex_lock(&m->lock);
	m->held = false;
	m->wanted = true;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	s->maintenance_ns = 0;
}

static void report(struct store *s, int r, const char *why, uint64_t now_ns)
{
	if (r != -EBUSY && r != -EINTR)		/* those are tried again soon */
		store_source(s, "history", r < 0 ? "failed" : "ok", r < 0 ? why : "", now_ns);
}

void store_maintenance(struct store *s, uint64_t now_ns)
{
	struct maintenance *m = s->maintenance;
	char why[SCHEMA_WHY] = "";
	struct maintain_done done;
	uint64_t oldest;
	bool busy;
	int r;

	if (mono_ns() < s->maintenance_ns)
		return;
	s->maintenance_ns = mono_ns() + MAINTENANCE_NS;
	if (!s->opt.background) {
		checkpoint_own(&s->meta);
		checkpoint_own(&s->day);
		r = maintain(m->dir, &m->limits, now_ns, NULL, &done, why);
		report(s, r, why, now_ns);
		if (done.oldest_ns)
			store_forget_events(s, done.oldest_ns);
		return;
	}
	pthread_mutex_lock(&m->lock);
	strcpy(why, m->why);
	r = m->result;
	busy = m->running || m->wanted;
	m->now_ns = now_ns;
	strcpy(m->day, s->day.path);
	m->wanted = true;
	oldest = m->oldest_ns;
	m->oldest_ns = 0;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	if (!busy)
		report(s, r, why, now_ns);
	if (oldest)
		store_forget_events(s, oldest);
}
