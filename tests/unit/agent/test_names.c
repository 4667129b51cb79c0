/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store: names and lifetimes of VMs, devices, attachments, series, sources, runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/storemake.h"

static void a_vm_keeps_its_id_and_all_its_names(void **state)
{
	const char *meta = below(*state, "meta.db");
	struct store *s = must_open(*state);
	int64_t id = a_vm(s, "u1", "web"), other = a_vm(s, "u2", "db"), again;

	assert_true(id > 0 && other > 0 && id != other);
	must(s, store_vm(s,
			 &(struct store_vm){
				 .ident = "u1",
				 .name = "it's \"new\"\n\x1b[31m",
				 .state = "paused",
			 },
			 NOON + SEC, &again));
	assert_int_equal(again, id);
	must(s, store_vm(s,
			 &(struct store_vm){
				 .ident = "u1",
				 .name = "it's \"new\"\n\x1b[31m",
				 .state = "gone",
			 },
			 NOON + 2 * SEC, &again));
	assert_int_equal(ask(meta, "SELECT count(*) FROM vm_name WHERE vm_id = %d", (int)id), 2);
	assert_int_equal(ask(meta,
			     "SELECT state = 'gone' AND uuid = 'u1' AND name LIKE 'it''s "
			     "\"new\"%%' FROM vm WHERE id = %d",
			     (int)id),
			 1);
	assert_int_equal(ask(meta, "SELECT last_ns - first_ns FROM vm WHERE id = %d", (int)id),
			 2 * SEC);
	store_close(s);
	s = must_open(*state);
	assert_int_equal(a_vm(s, "u1", "web"), id);
	store_close(s);
}

static void a_long_name_is_a_name(void **state)
{
	struct store *s = must_open(*state);
	char name[10001];

	memset(name, 'x', 10000);
	name[10000] = '\0';
	a_vm(s, name, name);
	assert_int_equal(ask(below(*state, "meta.db"), "SELECT length(name) FROM vm"), 10000);
	store_close(s);
}

static int count_device(int64_t id, uint32_t netns, uint32_t ifindex, const char *name,
			const char *kind, uint64_t since_ns, void *arg)
{
	assert_true(netns == 4 && !strcmp(name, "vnet0") && !strcmp(kind, "tap") &&
		    since_ns == NOON);
	*(int64_t *)arg = *(int64_t *)arg * 1000 + id * 10 + ifindex;
	return 0;
}

static void a_device_is_a_lifetime(void **state)
{
	struct store *s = must_open(*state);
	bool known = true;
	int64_t first = a_device(s, 7, &known), second, seen = 0;

	assert_false(known);
	assert_int_equal(a_device(s, 7, &known), first);
	assert_true(known);
	must(s, store_device_end(s, first, NOON + SEC));
	second = a_device(s, 7, &known);
	assert_false(known);
	assert_int_not_equal(first, second);
	assert_int_equal(ask(below(*state, "meta.db"), "SELECT until_ns FROM device WHERE id = %d",
			     (int)first),
			 NOON + SEC);
	must(s, store_each_device(s, "boot", count_device, &seen));
	assert_int_equal(seen, second * 10 + 7);
	must(s, store_end_other_boots(s, "another boot", NOON + 5 * SEC));
	seen = 0;
	must(s, store_each_device(s, "boot", count_device, &seen));
	assert_int_equal(seen, 0);
	store_close(s);
}

static int note_attachment(int64_t id, int64_t device_id, int64_t vm_id, const char *ident,
			   uint64_t since_ns, void *arg)
{
	assert_true(device_id > 0 && vm_id > 0 && !strcmp(ident, "u1") && since_ns == NOON);
	*(int64_t *)arg += id;
	return 0;
}

static void an_attachment_is_kept_up_to_date(void **state)
{
	const char *meta = below(*state, "meta.db");
	struct store *s = must_open(*state);
	bool known;
	struct store_attachment a = {
		.vm_id = a_vm(s, "u1", "web"),
		.device_id = a_device(s, 7, &known),
		.mac = "52:54:00:00:00:01",
		.queues = -1,
		.ring_frames = 500,
		.since_ns = NOON,
	};
	int64_t id, again, seen = 0;

	must(s, store_attachment(s, &a, &id));
	assert_int_equal(ask(meta, "SELECT queues IS NULL AND backend IS NULL AND ring_frames = "
				   "500 FROM attachment"),
			 1);
	a.mac = NULL;
	a.queues = 4;
	a.backend = "vhost";
	must(s, store_attachment(s, &a, &again));
	assert_int_equal(again, id);
	assert_int_equal(ask(meta, "SELECT queues = 4 AND backend = 'vhost' AND mac = "
				   "'52:54:00:00:00:01' FROM attachment"),
			 1);
	must(s, store_each_attachment(s, note_attachment, &seen));
	assert_int_equal(seen, id);
	must(s, store_attachment_end(s, id, NOON + SEC));
	must(s, store_attachment(s, &a, &again));
	assert_int_not_equal(again, id);
	store_close(s);
}

static void a_series_is_found_again(void **state)
{
	struct store *s = must_open(*state);
	bool known;
	int64_t device = a_device(s, 7, &known), id = a_series(s, 0, 0, device);

	assert_int_equal(a_series(s, 0, 0, device), id);
	assert_int_not_equal(a_series(s, 0, 0, 0), id);
	store_close(s);
	s = must_open(*state);
	assert_int_equal(a_series(s, 0, 0, device), id);
	assert_int_equal(ask(below(*state, "meta.db"), "SELECT count(*) FROM series"), 2);
	store_close(s);
}

static void a_source_says_since_when(void **state)
{
	const char *meta = below(*state, "meta.db");
	struct store *s = must_open(*state);

	must(s, store_source(s, "link", "ok", "", NOON));
	must(s, store_source(s, "link", "stale", "1 s", NOON + SEC));
	must(s, store_source(s, "link", "stale", "2 s", NOON + 2 * SEC));
	assert_int_equal(ask(meta,
			     "SELECT since_ns FROM source WHERE state = 'stale' AND why = '2 s'"),
			 NOON + SEC);
	store_close(s);
}

/* It is said in every tick: somebody who holds the database, or has lost it, does not matter then.
 */
static void the_same_again_is_not_written(void **state)
{
	const char *meta = below(*state, "meta.db");
	struct store *s = must_open(*state);
	sqlite3 *other;

	must(s, store_source(s, "link", "ok", "", NOON));
	must(s, store_source(s, "proc", "ok", "", NOON));
	assert_int_equal(sqlite3_open(meta, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	must(s, store_source(s, "link", "ok", NULL, NOON + SEC));
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	must(s, store_source_gone(s, "link"));
	assert_int_equal(ask(meta, "SELECT count(*) FROM source"), 1);
	must(s, store_source(s, "link", "ok", "", NOON + 2 * SEC));
	assert_int_equal(ask(meta, "SELECT since_ns FROM source WHERE name = 'link'"),
			 NOON + 2 * SEC);
	store_close(s);
}

static void a_run_ends_clean_or_not(void **state)
{
	const char *meta = below(*state, "meta.db");
	struct store_run run = {
		.pid = 1,
		.version = "1",
		.kernel = "6",
		.reasons = 100,
		.interval_ns = SEC,
		.since_ns = NOON,
	};
	struct store *s = must_open(*state);

	must(s, store_run_begin(s, &run));
	must(s, store_run_interval(s, 2 * SEC, NOON));
	assert_int_equal(ask(meta, "SELECT clean FROM run"), 0);
	assert_int_equal(ask(meta, "SELECT interval_ns FROM run"), 2 * SEC);
	store_close(s);
	assert_int_equal(ask(meta, "SELECT clean AND until_ns >= since_ns FROM run"), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vm_keeps_its_id_and_all_its_names),
		TEST(a_long_name_is_a_name),
		TEST(a_device_is_a_lifetime),
		TEST(an_attachment_is_kept_up_to_date),
		TEST(a_series_is_found_again),
		TEST(a_source_says_since_when),
		TEST(the_same_again_is_not_written),
		TEST(a_run_ends_clean_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
