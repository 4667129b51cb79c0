/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening databases: ours, foreign, newer, damaged, by a reader who may not write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "schema/schema.h"
#include "tests/unit/storetest.h"

#define NOBODY 65534
#define READERS 4242	/* a group of the readers' own */

static char why[SCHEMA_WHY];

static sqlite3 *must_open(const char *path, enum schema_kind kind, enum schema_mode mode)
{
	sqlite3 *db = NULL;
	int r = schema_open(path, kind, mode, &db, why);

	if (r < 0)
		fail_msg("%s: %s", strerror(-r), why);
	return db;
}

static void must_exec(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

static void a_new_file_is_ours(void **state)
{
	const char *path = below(*state, "meta.db");
	struct stat st;

	schema_close(must_open(path, SCHEMA_META, SCHEMA_WRITE));
	assert_int_equal(ask(path, "PRAGMA application_id"), SCHEMA_META_APPID);
	assert_int_equal(ask(path, "PRAGMA user_version"), SCHEMA_META_VERSION);
	assert_int_equal(ask(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'attachment'"),
			 1);
	assert_int_equal(ask(path, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_false(exists(below(*state, "meta.db.new")));
}

/* One that the first version made, with a probe in it, gets the columns that came later; readers
 * leave it as it is. */
static void an_older_file_is_migrated(void **state)
{
	static const char *const first =
#include "schema/meta_0001.sql.h"
		;
	const char *path = below(*state, "meta.db");
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	must_exec(db, first);
	must_exec(db, "PRAGMA application_id = 0x54504c4d; PRAGMA user_version = 1; INSERT INTO "
		      "probe VALUES (1, 2, 3, 'complete', '', 'bridge b', '', '', '', 60)");
	sqlite3_close(db);
	schema_close(must_open(path, SCHEMA_META, SCHEMA_READ));
	assert_int_equal(ask(path, "PRAGMA user_version"), 1);
	schema_close(must_open(path, SCHEMA_META, SCHEMA_WRITE));
	assert_int_equal(ask(path, "PRAGMA user_version"), SCHEMA_META_VERSION);
	assert_int_equal(ask(path, "SELECT count(*) FROM probe WHERE direction = 'in' AND kind = "
				   "'run' AND workers = 1 AND frame_bytes = 60"),
			 1);
}

/* Days and history: what the first version wrote stays, what it did not know is not known. */
static void older_days_are_migrated(void **state)
{
	static const char *const day =
#include "schema/day_0001.sql.h"
		;
	static const char *const history =
#include "schema/history_0001.sql.h"
		;
	const struct {
		const char *path, *first, *set_up, *question;
		enum schema_kind kind;
		int version;
	} files[] = {
		{ below(*state, "timeline-20260301.db"), day,
		  "PRAGMA application_id = 0x54504c44; PRAGMA user_version = 1; "
		  "INSERT INTO traffic VALUES (60, 1, 60, 1, 2, 3, 4, 5, 6, 7, 8)",
		  "SELECT count(*) FROM traffic WHERE rx_frames = 1 AND ring_peak IS NULL "
		  "AND ring_free IS NULL AND ring_samples = 0 AND qdisc_peak IS NULL",
		  SCHEMA_DAY, SCHEMA_DAY_VERSION },
		{ below(*state, "history.db"), history,
		  "PRAGMA application_id = 0x54504c48; PRAGMA user_version = 1; "
		  "INSERT INTO traffic_day VALUES (1, 1, 60, 1, 2, 3, 4, 5, 6, 7, 8, NULL, NULL)",
		  "SELECT count(*) FROM traffic_day WHERE rx_frames = 1 "
		  "AND ring_peak IS NULL AND ring_sum = 0 AND NOT EXISTS (SELECT 1 FROM "
		  "pressure_day)",
		  SCHEMA_HISTORY, SCHEMA_HISTORY_VERSION },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		sqlite3 *db = NULL;

		assert_int_equal(sqlite3_open(files[i].path, &db), SQLITE_OK);
		must_exec(db, files[i].first);
		must_exec(db, files[i].set_up);
		sqlite3_close(db);
		schema_close(must_open(files[i].path, files[i].kind, SCHEMA_READ));
		assert_int_equal(ask(files[i].path, "PRAGMA user_version"), 1);
		schema_close(must_open(files[i].path, files[i].kind, SCHEMA_WRITE));
		assert_int_equal(ask(files[i].path, "PRAGMA user_version"), files[i].version);
		assert_int_equal(ask(files[i].path, files[i].question), 1);
	}
}

static void what_is_not_there_is_not_made_for_readers(void **state)
{
	const char *path = below(*state, "meta.db");
	sqlite3 *db;

	assert_int_equal(schema_open(path, SCHEMA_META, SCHEMA_READ, &db, why), -ENOENT);
	assert_int_equal(schema_open(path, SCHEMA_DAY, SCHEMA_REWRITE, &db, why), -ENOENT);
	assert_false(exists(path));
}

/* Refused with @error in every mode, and not a byte of it or beside it moves. */
static void assert_refused(const char *dir, const char *path, int error, const char *words)
{
	uint64_t before = finger(path);
	sqlite3 *db;

	for (int mode = SCHEMA_READ; mode <= SCHEMA_REWRITE; mode++) {
		assert_int_equal(schema_open(path, SCHEMA_DAY, (enum schema_mode)mode, &db, why),
				 error);
		assert_non_null(strstr(why, path));
		assert_non_null(strstr(why, words));
	}
	assert_int_equal(schema_check(path, SCHEMA_DAY, why), error);
	assert_true(finger(path) == before);
	assert_false(exists(below(dir, "f.db-wal")));
	assert_false(exists(below(dir, "f.db-journal")));
}

static void foreign_files_are_left_alone(void **state)
{
	const char *path = below(*state, "f.db");
	sqlite3 *db;

	put_file(path, "hello, world\n", 13);
	assert_refused(*state, path, -EMEDIUMTYPE, "not a database");
	unlink(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	must_exec(db, "CREATE TABLE t (a); PRAGMA application_id = 7");
	sqlite3_close(db);
	assert_refused(*state, path, -EMEDIUMTYPE, "another program");
	unlink(path);
	schema_close(must_open(path, SCHEMA_META, SCHEMA_WRITE));
	unlink(below(*state, "f.db-wal"));
	/* ours, but of the other kind */
	assert_refused(*state, path, -EMEDIUMTYPE, "another program");
	assert_int_equal(schema_open(*state, SCHEMA_DAY, SCHEMA_READ, &db, why), -EMEDIUMTYPE);
}

/* A reader leaves it as it is; the writer creates it anew, unless a -wal holds its pages. */
static void an_empty_file_is_made_anew(void **state)
{
	const char *path = below(*state, "f.db"), *wal = below(*state, "f.db-wal");
	sqlite3 *db;

	put_file(path, "", 0);
	assert_int_equal(schema_open(path, SCHEMA_DAY, SCHEMA_READ, &db, why), -EMEDIUMTYPE);
	put_file(wal, "pages", 5);
	assert_int_equal(schema_open(path, SCHEMA_DAY, SCHEMA_WRITE, &db, why), -EMEDIUMTYPE);
	unlink(wal);
	schema_close(must_open(path, SCHEMA_DAY, SCHEMA_WRITE));
}

static void a_newer_file_is_refused(void **state)
{
	const char *path = below(*state, "f.db");
	sqlite3 *db = must_open(path, SCHEMA_DAY, SCHEMA_WRITE);

	must_exec(db, "PRAGMA user_version = 7");
	schema_close(db);
	unlink(below(*state, "f.db-wal"));
	assert_refused(
		*state, path, -EPROTO,
		"was written by a newer taploss (schema 7, this one knows 2); update taploss");
}

/* The version is in the -wal only: the file's own header still says 1. */
static void a_newer_file_is_refused_also_by_its_wal(void **state)
{
	const char *path = below(*state, "f.db");
	sqlite3 *db = must_open(path, SCHEMA_DAY, SCHEMA_WRITE), *other;
	uint64_t file, wal;

	must_exec(db, "PRAGMA user_version = 7");
	file = finger(path);
	wal = finger(below(*state, "f.db-wal"));
	assert_int_equal(schema_open(path, SCHEMA_DAY, SCHEMA_WRITE, &other, why), -EPROTO);
	assert_non_null(strstr(why, "schema 7, this one knows 2"));
	assert_true(finger(path) == file && finger(below(*state, "f.db-wal")) == wal);
	schema_close(db);
}

static void damage_is_named(void **state)
{
	const char *path = below(*state, "f.db");
	sqlite3 *db = must_open(path, SCHEMA_DAY, SCHEMA_WRITE);
	int fd;

	must_exec(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
		      "20000) INSERT INTO loss SELECT i, i, 1, 1, 1 FROM n");
	schema_close(db);
	assert_int_equal(schema_check(path, SCHEMA_DAY, why), 0);
	fd = open(path, O_WRONLY);
	for (int page = 20; page < 40; page++)
		assert_int_equal(pwrite(fd, "\xff\xee\xdd\xcc\xbb\xaa\x99\x88", 8, page * 4096), 8);
	close(fd);
	assert_int_equal(schema_check(path, SCHEMA_DAY, why), -EUCLEAN);
	assert_non_null(strstr(why, "is damaged"));
	fd = open(path, O_WRONLY);
	/* the table of tables */
	assert_int_equal(pwrite(fd, "\xff\xee\xdd\xcc\xbb\xaa\x99\x88", 8, 100), 8);
	close(fd);
	assert_int_equal(schema_open(path, SCHEMA_DAY, SCHEMA_READ, &db, why), -EUCLEAN);
	assert_int_equal(schema_open(path, SCHEMA_DAY, SCHEMA_WRITE, &db, why), -EUCLEAN);
}

static int refuse_fill(sqlite3 *db, void *arg)
{
	(void)arg;
	must_exec(db, "INSERT INTO rolled VALUES (1)");
	return -ENOSPC;
}

static void a_file_is_made_whole_or_not_at_all(void **state)
{
	const char *path = below(*state, "f.db");

	assert_int_equal(schema_create(path, SCHEMA_DAY, refuse_fill, NULL, why), -ENOSPC);
	assert_false(exists(path));
	assert_false(exists(below(*state, "f.db.new")));
	put_file(below(*state, "f.db.new"), "cut off", 7);
	assert_int_equal(schema_create(path, SCHEMA_DAY, NULL, NULL, why), 0);
	assert_int_equal(ask(path, "SELECT count(*) FROM rolled"), 0);
}

static void days_are_files_with_a_date(void **state)
{
	static const char *const names[] = { "timeline-20260302.db",	 "timeline-20260228.db",
					     "timeline-20260301.db",	 "timeline-20260230.db",
					     "timeline-20260301.db-wal", "timeline-2026031.db",
					     "timeline-20260303.db.new", "meta.db" };
	struct schema_day *days = NULL, day;
	size_t n = 0;

	assert_int_equal(schema_days(*state, &days, &n), 0);
	assert_null(days);
	assert_int_equal(n, 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		put_file(below(*state, names[i]), "", 0);
	assert_int_equal(schema_days(*state, &days, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(days[0].name, "timeline-20260228.db");
	assert_string_equal(days[2].name, "timeline-20260302.db");
	assert_true(days[1].from_ns == NOON - 12 * NSEC_PER_HOUR &&
		    days[1].to_ns == NOON + 12 * NSEC_PER_HOUR);
	free(days);
	schema_day_of(NOON, &day);
	assert_string_equal(day.name, "timeline-20260301.db");
	schema_day_of(NOON + 12 * NSEC_PER_HOUR, &day);		/* midnight ends the day */
	assert_string_equal(day.name, "timeline-20260301.db");
	schema_day_of(NOON + 12 * NSEC_PER_HOUR + 1, &day);
	assert_string_equal(day.name, "timeline-20260302.db");
	assert_int_equal(schema_days(below(*state, "none"), &days, &n), -ENOENT);
}

static void the_lock_tells_who_runs(void **state)
{
	int fd = -1, other = -1, pid = -1;

	assert_int_equal(schema_agent_running(*state, &pid), 0);
	assert_int_equal(schema_agent_lock(*state, &fd, &pid), 0);
	assert_int_equal(schema_agent_running(*state, &pid), 1);
	assert_int_equal(pid, getpid());
	pid = -1;
	assert_int_equal(schema_agent_lock(*state, &other, &pid), -EBUSY);
	assert_int_equal(pid, getpid());
	/* asking has not taken anything away */
	assert_int_equal(schema_agent_running(*state, &pid), 1);
	close(fd);
	assert_int_equal(schema_agent_running(*state, &pid), 0);
}

static void a_parked_day_stands_alone(void **state)
{
	const char *path = below(*state, "timeline-20260301.db");
	sqlite3 *db = must_open(path, SCHEMA_DAY, SCHEMA_WRITE), *reader;

	must_exec(db, "INSERT INTO rolled VALUES (1)");
	schema_close(db);
	assert_true(exists(below(*state, "timeline-20260301.db-wal")));
	reader = must_open(path, SCHEMA_DAY, SCHEMA_READ);
	must_exec(reader, "BEGIN; SELECT * FROM rolled");
	db = must_open(path, SCHEMA_DAY, SCHEMA_REWRITE);
	assert_int_equal(schema_park(db), -EBUSY);
	schema_close(reader);
	assert_int_equal(schema_park(db), 0);
	schema_close(db);
	assert_false(exists(below(*state, "timeline-20260301.db-wal")));
	assert_false(exists(below(*state, "timeline-20260301.db-shm")));
	db = must_open(path, SCHEMA_DAY, SCHEMA_REWRITE);	/* stays so */
	must_exec(db, "INSERT INTO rolled VALUES (2)");
	schema_close(db);
	assert_false(exists(below(*state, "timeline-20260301.db-wal")));
	assert_int_equal(ask(path, "SELECT count(*) FROM rolled"), 2);
}

/* Reads as a member of the readers' group and nothing else. The number of rows in rolled, or
 * -errno. */
static int read_as_member(const char *path, gid_t group)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		sqlite3 *db = NULL;
		sqlite3_stmt *st = NULL;
		int n = -1;

		if (setgroups(0, NULL) < 0 || setgid(group) < 0 || setuid(NOBODY) < 0)
			_exit(100);
		int r = schema_open(path, SCHEMA_DAY, SCHEMA_READ, &db, why);

		if (r < 0) {
			fprintf(stderr, "%s\n", why);
			_exit(200);
		}
		if (sqlite3_prepare_v2(db, "SELECT count(*) FROM rolled", -1, &st, NULL) ==
			    SQLITE_OK &&
		    sqlite3_step(st) == SQLITE_ROW)
			n = sqlite3_column_int(st, 0);
		if (sqlite3_exec(db, "DELETE FROM rolled", NULL, NULL, NULL) == SQLITE_OK)
			n = 201;
		_exit(n);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static sqlite3 *shared_day(const char *dir, const char *path)
{
	sqlite3 *db;

	if (geteuid() != 0)
		skip();	/* only root can become somebody else */
	assert_int_equal(chown(dir, 0, READERS), 0);
	assert_int_equal(chmod(dir, 0750), 0);
	db = must_open(path, SCHEMA_DAY, SCHEMA_WRITE);
	must_exec(db, "INSERT INTO rolled VALUES (1), (2), (3)");
	return db;
}

static void members_read_beside_the_writer(void **state)
{
	const char *path = below(*state, "timeline-20260301.db");
	sqlite3 *db = shared_day(*state, path);

	assert_int_equal(read_as_member(path, READERS), 3);
	assert_int_equal(read_as_member(path, NOBODY), 200);	/* no member */
	must_exec(db, "INSERT INTO rolled VALUES (4)");
	assert_int_equal(read_as_member(path, READERS), 4);
	schema_close(db);
}

static void members_read_what_a_writer_left(void **state)
{
	const char *path = below(*state, "timeline-20260301.db");

	schema_close(shared_day(*state, path));
	assert_int_equal(read_as_member(path, READERS), 3);
}

static void members_read_what_a_crash_left(void **state)
{
	const char *path = below(*state, "timeline-20260301.db");
	pid_t pid;
	int status;

	schema_close(shared_day(*state, path));
	pid = fork();
	if (!pid) {
		must_exec(must_open(path, SCHEMA_DAY, SCHEMA_WRITE),
			  "INSERT INTO rolled VALUES (4); BEGIN; INSERT INTO rolled VALUES (5)");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read_as_member(path, READERS), 4);
}

static void members_read_parked_days(void **state)
{
	const char *path = below(*state, "timeline-20260301.db");
	sqlite3 *db = shared_day(*state, path);

	assert_int_equal(schema_park(db), 0);
	schema_close(db);
	assert_int_equal(read_as_member(path, READERS), 3);
}

static void members_see_who_runs(void **state)
{
	int fd, pid, status;
	pid_t child;

	schema_close(shared_day(*state, below(*state, "timeline-20260301.db")));
	assert_int_equal(schema_agent_lock(*state, &fd, &pid), 0);
	child = fork();
	if (!child) {
		if (setgroups(0, NULL) < 0 || setgid(READERS) < 0 || setuid(NOBODY) < 0)
			_exit(100);
		_exit(schema_agent_running(*state, &pid) == 1 && pid == getppid() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(fd);
}

/* Somebody's sqlite3 shell was the last to close the file, and took -wal and -shm away. */
static void members_read_without_wal(void **state)
{
	const char *path = below(*state, "timeline-20260301.db");

	schema_close(shared_day(*state, path));
	unlink(below(*state, "timeline-20260301.db-wal"));
	unlink(below(*state, "timeline-20260301.db-shm"));
	assert_int_equal(read_as_member(path, READERS), 3);
	assert_false(exists(below(*state, "timeline-20260301.db-wal")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_file_is_ours),
		TEST(an_older_file_is_migrated),
		TEST(older_days_are_migrated),
		TEST(what_is_not_there_is_not_made_for_readers),
		TEST(foreign_files_are_left_alone),
		TEST(an_empty_file_is_made_anew),
		TEST(a_newer_file_is_refused),
		TEST(a_newer_file_is_refused_also_by_its_wal),
		TEST(damage_is_named),
		TEST(a_file_is_made_whole_or_not_at_all),
		TEST(days_are_files_with_a_date),
		TEST(the_lock_tells_who_runs),
		TEST(a_parked_day_stands_alone),
		TEST(members_read_beside_the_writer),
		TEST(members_read_what_a_writer_left),
		TEST(members_read_what_a_crash_left),
		TEST(members_read_parked_days),
		TEST(members_read_without_wal),
		TEST(members_see_who_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
