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
#define CHORES_NS (60 * NSEC_PER_SEC)
/* pages; SQLite's own limit, at which a COMMIT would wait for the disk */
#define LONG_WAL 1000
#define LONGEST_WAL 8000		/* the thread does not keep up: the writer does it */

/* What takes long, or waits for the disk, is done beside the loop. @lock guards all but @stop. */
struct chores {
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
	if (d->db)
		sqlite3_wal_checkpoint_v2(d->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/* Without the lock. */
static void look_after_days(struct chores *c, uint64_t now_ns)
{
	char why[SCHEMA_WHY] = "";
	struct maintain_done done;
	int r;

	checkpoint(c->meta, SCHEMA_META);
	r = maintain(c->dir, &c->limits, now_ns, &c->stop, &done, why);
	pthread_mutex_lock(&c->lock);
	c->result = r;
	c->oldest_ns = done.oldest_ns ? done.oldest_ns : c->oldest_ns;
	strcpy(c->why, why);
	pthread_mutex_unlock(&c->lock);
}

static void *work(void *arg)
{
	struct chores *c = arg;
	char day[PATH_MAX];
	uint64_t now;
	bool all;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		while (!c->quit && ((!c->wanted && !c->long_wal) || c->held))
			pthread_cond_wait(&c->changed, &c->lock);
		if (c->quit)
			break;
		all = c->wanted;
		c->wanted = c->long_wal = false;
		c->running = true;
		strcpy(day, c->day);
		now = c->now_ns;
		pthread_mutex_unlock(&c->lock);
		checkpoint(day, SCHEMA_DAY);
		if (all)
			look_after_days(c, now);
		pthread_mutex_lock(&c->lock);
		c->running = false;
		pthread_cond_broadcast(&c->changed);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* After a COMMIT. A checkpoint waits for the disk and a tick must not: it is the thread's. */
static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct store *s = arg;
	struct chores *c = s->chores;

	(void)name;
	if (pages < s->wal_pages)
		s->wal_pages = 0;	/* it began anew */
	if (pages - s->wal_pages >= LONGEST_WAL) {
		/* With a reader in the way it only gets longer: not each time. When the thread is
		 * at it (SQLITE_BUSY), soon again. */
		if (sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) ==
		    SQLITE_OK)
			s->wal_pages = pages;
	} else if (pages >= LONG_WAL) {
		pthread_mutex_lock(&c->lock);
		strcpy(c->day, s->day.path);
		c->long_wal = true;
		pthread_cond_broadcast(&c->changed);
		pthread_mutex_unlock(&c->lock);
	}
	return SQLITE_OK;
}

void store_chores_watch(struct store *s)
{
	s->wal_pages = 0;
	if (s->opt.background)
		sqlite3_wal_hook(s->day.db, on_commit, s);
}

int store_chores_start(struct store *s)
{
	struct chores *c = calloc(1, sizeof(*c));
	sigset_t all, old;
	int r;

	if (!c)
		return -ENOMEM;
	snprintf(c->dir, sizeof(c->dir), "%s", s->dir);
	snprintf(c->meta, sizeof(c->meta), "%s", s->meta.path);
	c->limits = (struct maintain_limits){
		.fine_days = s->opt.fine_days,
		.days = s->opt.retention_days,
		.hour_days = s->opt.hour_days,
		.fine_bytes = s->opt.fine_bytes,
		.bytes = s->opt.max_bytes,
		.history_bytes = s->opt.history_bytes,
	};
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	s->chores = c;
	if (!s->opt.background)
		return 0;
	sigfillset(&all);	/* signals are the loop's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&c->thread, NULL, work, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r) {
		s->chores = NULL;
		free(c);
	}
	return -r;
}

void store_chores_stop(struct store *s)
{
	struct chores *c = s->chores;

	if (!c)
		return;
	if (s->opt.background) {
		pthread_mutex_lock(&c->lock);
		c->quit = true;
		c->stop = true;
		pthread_cond_broadcast(&c->changed);
		pthread_mutex_unlock(&c->lock);
		pthread_join(c->thread, NULL);
	}
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
	s->chores = NULL;
}

void store_chores_hold(struct store *s)
{
	struct chores *c = s->chores;

	pthread_mutex_lock(&c->lock);
	c->held = true;
	c->stop = true;
	while (c->running)
		pthread_cond_wait(&c->changed, &c->lock);
	c->stop = false;
	pthread_mutex_unlock(&c->lock);
}

void store_chores_release(struct store *s)
{
	struct chores *c = s->chores;

	pthread_mutex_lock(&c->lock);
	c->held = false;
	c->wanted = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	s->chores_ns = 0;
}

static void say(struct store *s, int r, const char *why, uint64_t now_ns)
{
	if (r != -EBUSY && r != -EINTR)		/* those are tried again soon */
		store_source(s, "history", r < 0 ? "failed" : "ok", r < 0 ? why : "", now_ns);
}

void store_chores(struct store *s, uint64_t now_ns)
{
	struct chores *c = s->chores;
	char why[SCHEMA_WHY] = "";
	struct maintain_done done;
	uint64_t oldest;
	bool told;
	int r;

	if (mono_ns() < s->chores_ns)
		return;
	s->chores_ns = mono_ns() + CHORES_NS;
	if (!s->opt.background) {
		checkpoint_own(&s->meta);
		checkpoint_own(&s->day);
		r = maintain(c->dir, &c->limits, now_ns, NULL, &done, why);
		say(s, r, why, now_ns);
		if (done.oldest_ns)
			store_forget_events(s, done.oldest_ns);
		return;
	}
	pthread_mutex_lock(&c->lock);
	strcpy(why, c->why);
	r = c->result;
	told = c->running || c->wanted;
	c->now_ns = now_ns;
	strcpy(c->day, s->day.path);
	c->wanted = true;
	oldest = c->oldest_ns;
	c->oldest_ns = 0;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	if (!told)
		say(s, r, why, now_ns);
	if (oldest)
		store_forget_events(s, oldest);
}
