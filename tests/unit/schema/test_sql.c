/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statements: values by name, rows, failures as -errno, and what a programmer may not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/base.h"
#include "schema/sql.h"

static int open_db(void **state)
{
	sqlite3 *db = NULL;

	if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
	    sql_exec(db, "CREATE TABLE t (i INTEGER, d REAL, t TEXT, b BLOB);"
			 "CREATE TABLE u (i INTEGER PRIMARY KEY)") < 0)
		return -1;
	*state = db;
	return 0;
}

static int close_db(void **state)
{
	/* not _v2: a statement that was left behind is a failure */
	return sqlite3_close(*state) == SQLITE_OK ? 0 : -1;
}

static void values_come_back(void **state)
{
	_cleanup_(sql_closep) struct sql put =
		sql_prepare(*state, "INSERT INTO t VALUES (:i, :d, :t, :b)");
	_cleanup_(sql_closep) struct sql get = sql_prepare(*state, "SELECT i, d, t, b FROM t");
	const void *blob;
	size_t len;

	sql_bind_uint64(&put, ":i", 1ULL << 62);
	sql_bind_blob(&put, ":b", "\0b", 2);
	sql_bind_text(&put, ":t", "text");
	sql_bind_double(&put, ":d", 0.5);
	assert_int_equal(sql_run(&put), 0);
	assert_int_equal(sql_changes(*state), 1);
	assert_int_equal(sql_last_id(*state), 1);

	assert_int_equal(sql_step(&get), 1);
	assert_int_equal(sql_columns(&get), 4);
	assert_string_equal(sql_column_name(&get, 1), "d");
	assert_int_equal(sql_type(&get, 1), SQLITE_FLOAT);
	assert_true(sql_uint64(&get, 0) == 1ULL << 62);
	assert_true(sql_double(&get, 1) == 0.5);
	assert_string_equal(sql_text(&get, 2), "text");
	blob = sql_blob(&get, 3, &len);
	assert_int_equal(len, 2);
	assert_memory_equal(blob, "\0b", 2);
	assert_int_equal(sql_step(&get), 0);
	/* and from the beginning */
	assert_int_equal(sql_step(&get), 1);
}

static void null_reads_as_nothing(void **state)
{
	_cleanup_(sql_closep) struct sql q = sql_prepare(*state, "SELECT :a, :b, :c, :d, :e");
	size_t len = 1;

	sql_bind_null(&q, ":a");
	sql_bind_text(&q, ":b", NULL);
	sql_bind_known(&q, ":c", false, 7);
	sql_bind_known(&q, ":d", true, 7);
	sql_bind_blob(&q, ":e", NULL, 0);
	assert_int_equal(sql_step(&q), 1);
	assert_true(sql_is_null(&q, 0));
	assert_int_equal(sql_int64(&q, 0), 0);
	assert_string_equal(sql_text(&q, 1), "");
	assert_null(sql_text_or_null(&q, 1));
	assert_true(sql_is_null(&q, 2));
	assert_int_equal(sql_int64(&q, 3), 7);
	assert_null(sql_blob(&q, 4, &len));
	assert_int_equal(len, 0);
}

/* Also when the order of the names changes from one run to the next, and when there are more of
 * them than are remembered. */
static void a_name_means_the_same_in_any_order(void **state)
{
	static const char *const names[] = { ":a", ":b", ":c" };
	char more[25][4];
	_cleanup_(sql_closep) struct sql q =
		sql_prepare(*state, "SELECT 100 * :a + 10 * :b + :c + 0 * :a");
	_cleanup_(sql_closep) struct sql many = sql_prepare(
		*state, "SELECT :aa + :ab + :ac + :ad + :ae + :af + :ag + :ah + :ai + :aj + :ak + "
			":al + :am + :an + :ao + :ap + :aq + :ar + :as + :at + :au + :av + :aw + "
			":ax + 100 * :ay");
	int64_t n;

	for (int turn = 0; turn < 6; turn++) {
		for (int i = 0; i < 3; i++)
			sql_bind_int64(&q, names[(turn + i) % 3], (turn + i) % 3 + 1);
		assert_int_equal(sql_value(&q, &n), 0);
		assert_int_equal(n, 123);
	}
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < 25; i++) {
			snprintf(more[i], sizeof(more[i]), ":a%c", 'a' + i);
			sql_bind_int64(&many, more[i], 1);
		}
		assert_int_equal(sql_value(&many, &n), 0);
		assert_int_equal(n, 124);
	}
}

static void a_row_is_copied(void **state)
{
	_cleanup_(sql_closep) struct sql from =
		sql_prepare(*state,
			    "SELECT 7, NULL, 'x', x'00ff' UNION ALL SELECT 8, 1.5, '', NULL");
	_cleanup_(sql_closep) struct sql to =
		sql_prepare(*state, "INSERT INTO t VALUES (?, ?, ?, ?)");
	_cleanup_(sql_closep) struct sql sum = sql_prepare(
		*state,
		"SELECT sum(i) FROM t WHERE d IS NULL AND b = x'00ff' OR d = 1.5 AND t = ''");
	int64_t n;
	int r;

	while ((r = sql_step(&from)) > 0) {
		sql_bind_row(&to, &from);
		assert_int_equal(sql_run(&to), 0);
	}
	assert_int_equal(r, 0);
	assert_int_equal(sql_value(&sum, &n), 0);
	assert_int_equal(n, 15);
}

static void one_value(void **state)
{
	_cleanup_(sql_closep) struct sql none = sql_prepare(*state, "SELECT 1 WHERE 0");
	_cleanup_(sql_closep) struct sql null = sql_prepare(*state, "SELECT max(i) FROM t");
	int64_t n = 7;

	assert_int_equal(sql_value(&none, &n), 0);
	assert_int_equal(n, 0);
	n = 7;
	assert_int_equal(sql_value(&null, &n), 0);
	assert_int_equal(n, 0);
}

static void failures_are_values(void **state)
{
	_cleanup_(sql_closep) struct sql bad = sql_prepare(*state, "SELECT * FROM nowhere");
	int64_t n = 7;

	assert_string_equal(sql_why(*state), "no such table: nowhere");
	/* nobody has to ask before */
	sql_bind_int64(&bad, ":whatever", 1);
	assert_int_equal(sql_value(&bad, &n), -EIO);
	assert_int_equal(n, 7);
	assert_int_equal(sql_step(&bad), -EIO);
}

static void a_statement_that_failed_can_run_again(void **state)
{
	_cleanup_(sql_closep) struct sql twice = sql_prepare(*state, "INSERT INTO u VALUES (:i)");

	for (int i = 0; i < 2; i++) {
		sql_bind_int64(&twice, ":i", 1);
		assert_int_equal(sql_run(&twice), i ? -EINVAL : 0);
	}
	assert_string_equal(sql_why(*state), "UNIQUE constraint failed: u.i");
	sql_bind_int64(&twice, ":i", 2);
	assert_int_equal(sql_run(&twice), 0);
	/* what SQLite does not take */
	sqlite3_limit(*state, SQLITE_LIMIT_LENGTH, 100);
	sql_bind_blob(&twice, ":i", *state, 101);
	assert_int_equal(sql_run(&twice), -EINVAL);
	sql_bind_int64(&twice, ":i", 3);
	assert_int_equal(sql_run(&twice), 0);
}

static void transactions(void **state)
{
	assert_int_equal(sql_begin(*state), 0);
	assert_int_equal(sql_exec(*state, "INSERT INTO u VALUES (1)"), 0);
	sql_rollback(*state);
	sql_rollback(*state);
	assert_int_equal(sql_begin(*state), 0);
	assert_int_equal(sql_begin(*state), -EIO);
	assert_int_equal(sql_exec(*state, "INSERT INTO u VALUES (1)"), 0);
	assert_int_equal(sql_commit(*state), 0);
	assert_int_equal(sql_exec(*state, "INSERT INTO u VALUES (1)"), -EINVAL);
}

static unsigned int n_failed;
static int last_error;

static void on_failed(struct sql_kept *k, int error)
{
	assert_non_null(k->db);
	n_failed++;
	last_error = error;
}

static void kept_statements_are_prepared_once(void **state)
{
	static const char insert[] = "INSERT INTO u VALUES (:i)";
	struct sql_kept k = { .db = *state, .failed = on_failed };
	sqlite3_stmt *first = NULL;

	n_failed = 0;
	for (int i = 0; i < 3; i++) {
		_cleanup_(sql_closep) struct sql q = sql_keep(&k, insert);

		first = first ? first : q.st;
		assert_ptr_equal(q.st, first);
		sql_bind_int64(&q, ":i", i);
		assert_int_equal(sql_run(&q), 0);
	}
	assert_int_equal(k.n, 1);
	assert_int_equal(n_failed, 0);
	struct sql q = sql_keep(&k, insert), bad = sql_keep(&k, "SELECT * FROM nowhere");

	assert_int_equal(n_failed, 1);
	assert_int_equal(last_error, -EIO);
	assert_int_equal(sql_run(&bad), -EIO);
	assert_int_equal(n_failed, 1);
	sql_bind_int64(&q, ":i", 2);
	assert_int_equal(sql_run(&q), -EINVAL);
	assert_int_equal(n_failed, 2);
	assert_int_equal(last_error, -EINVAL);
	assert_int_equal(k.n, 1);
	sql_kept_clear(&k);
	assert_int_equal(k.n, 0);
}

static void a_rows_end_may_be_left_out(void **state)
{
	struct sql_kept k = { .db = *state };

	for (int i = 0; i < 3; i++) {
		_cleanup_(sql_closep) struct sql q = sql_keep(&k, "SELECT 1 UNION ALL SELECT 2");

		assert_int_equal(sql_step(&q), 1);
	}
	sql_kept_clear(&k);
}

/* What aborts. */

static void wrong_name(sqlite3 *db)
{
	struct sql q = sql_prepare(db, "SELECT :a");

	sql_bind_int64(&q, ":b", 1);
}

static void forgotten(sqlite3 *db)
{
	struct sql q = sql_prepare(db, "SELECT :a, :b");

	sql_bind_int64(&q, ":a", 1);
	sql_step(&q);
}

static void left_from_before(sqlite3 *db)
{
	struct sql q = sql_prepare(db, "SELECT :a");

	sql_bind_int64(&q, ":a", 1);
	sql_run(&q);
	sql_run(&q);
}

static void two_uses(sqlite3 *db)
{
	static const char one[] = "SELECT 1";
	struct sql_kept k = { .db = db };
	struct sql a = sql_keep(&k, one);

	sql_step(&a);
	sql_keep(&k, one);
}

static void assert_aborts(void (*fn)(sqlite3 *db), sqlite3 *db)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		fn(db);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void errors_of_the_programmer_abort(void **state)
{
	assert_aborts(wrong_name, *state);
	assert_aborts(forgotten, *state);
	assert_aborts(left_from_before, *state);
	assert_aborts(two_uses, *state);
}

static void result_codes(void **state)
{
	(void)state;
	assert_int_equal(sql_errno(SQLITE_OK), 0);
	assert_int_equal(sql_errno(SQLITE_ROW), 0);
	assert_int_equal(sql_errno(SQLITE_DONE), 0);
	assert_int_equal(sql_errno(SQLITE_FULL), -ENOSPC);
	assert_int_equal(sql_errno(SQLITE_IOERR_WRITE), -ENOSPC);
	assert_int_equal(sql_errno(SQLITE_IOERR_READ), -EIO);
	assert_int_equal(sql_errno(SQLITE_BUSY_SNAPSHOT), -EBUSY);
	assert_int_equal(sql_errno(SQLITE_CORRUPT_INDEX), -EUCLEAN);
	assert_int_equal(sql_errno(SQLITE_NOTADB), -EMEDIUMTYPE);
	assert_int_equal(sql_fault(NULL), -ENOMEM);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_db, close_db)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_come_back),
		TEST(null_reads_as_nothing),
		TEST(a_name_means_the_same_in_any_order),
		TEST(a_row_is_copied),
		TEST(one_value),
		TEST(failures_are_values),
		TEST(a_statement_that_failed_can_run_again),
		TEST(transactions),
		TEST(kept_statements_are_prepared_once),
		TEST(a_rows_end_may_be_left_out),
		TEST(errors_of_the_programmer_abort),
		cmocka_unit_test(result_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
