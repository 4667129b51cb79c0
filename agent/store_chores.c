/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"

#define CHORES_NS (60 * NSEC_PER_SEC)	/* at most so much of the newest history does a power failure cost */

static const char *const tails[] = { "", "-wal", "-shm", "-journal" };

static void path_of(const struct store *s, const struct schema_day *day, const char *tail, char ret[static PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/%s%s", s->dir, day->name, tail);
}

/* Rolls up the hours of a day that is over, and parks it. */
static int retire(struct store *s, const struct schema_day *day)
{
	char error[SCHEMA_WHY];
	struct store_db d = { .kind = SCHEMA_DAY, .error = error };
	struct hours h = { 0 };
	int r;

	path_of(s, day, "", d.path);
	r = schema_open(d.path, SCHEMA_DAY, SCHEMA_REWRITE, &d.db, error);
	if (r < 0)
		return r;
	r = store_begin(&d);
	if (r >= 0) {
		r = hours_load(&h, &d);
		if (r >= 0)
			r = hours_write(&h, &d);
		r = store_end(&d, r);
	}
	hours_clear(&h);
	if (r >= 0)
		r = schema_park(d.db);
	store_db_close(&d);
	return r;
}

static uint64_t size_of(const struct store *s, const struct schema_day *day)
{
	char path[PATH_MAX];
	uint64_t sum = 0;
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		path_of(s, day, tails[i], path);
		if (stat(path, &st) == 0)
			sum += (uint64_t)st.st_size;
	}
	return sum;
}

static void forget(const struct store *s, const struct schema_day *day)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		path_of(s, day, tails[i], path);
		unlink(path);
	}
}

/* Oldest first; the newest day is never forgotten. Returns how many are gone. */
static size_t apply_limits(struct store *s, const struct schema_day *days, size_t n, uint64_t now_ns)
{
	uint64_t sum = 0, age = s->opt.retention_days * NSEC_PER_DAY;
	size_t gone = 0;

	for (size_t i = 0; i < n && s->opt.max_bytes; i++)
		sum += size_of(s, &days[i]);
	for (; gone + 1 < n; gone++) {
		bool old = s->opt.retention_days && days[gone].to_ns + age <= now_ns;

		if (!old && (!s->opt.max_bytes || sum <= s->opt.max_bytes))
			break;
		sum -= s->opt.max_bytes ? size_of(s, &days[gone]) : 0;
		forget(s, &days[gone]);
	}
	return gone;
}

/* A day that is damaged, foreign or newer is left as it is; one that is being read or cannot be written now is tried again. */
static void park_closed(struct store *s, const struct schema_day *days, size_t n)
{
	s->unparked = false;
	for (size_t i = 0; i + 1 < n; i++) {
		int r = retire(s, &days[i]);

		s->unparked |= r < 0 && r != -EUCLEAN && r != -EMEDIUMTYPE && r != -EPROTO;
	}
}

static void checkpoint(struct store_db *d)
{
	if (d->db)
		sqlite3_wal_checkpoint_v2(d->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

void store_chores(struct store *s, uint64_t now_ns)
{
	_cleanup_(freep) struct schema_day *days = NULL;
	size_t n = 0, gone;

	if (mono_ns() < s->chores_ns)
		return;
	s->chores_ns = mono_ns() + CHORES_NS;
	checkpoint(&s->meta);
	checkpoint(&s->day);
	if (schema_days(s->dir, &days, &n) < 0)
		return;
	gone = apply_limits(s, days, n, now_ns);
	if (gone)
		store_forget_events(s, days[gone].from_ns);
	if (s->unparked)
		park_closed(s, days + gone, n - gone);
}
