/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loss that was nobody's finds its owner: every frame once, before and after, in rows and in
 * roll-ups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "agent/store/store.h"
#include "tests/unit/storetest.h"

#define SEC NSEC_PER_SEC
#define DAY1 "timeline-20260301.db"
#define DAY2 "timeline-20260302.db"
#define DAY3 "timeline-20260303.db"

struct host {
	struct store *s;
	int64_t vm, device, attachment;
};

static void must(struct store *s, int r)
{
	if (r < 0)
		fail_msg("%s: %s", strerror(-r), store_error(s));
}

static void open_store(struct host *h, const char *dir)
{
	const struct store_options opt = { 0 };
	char why[SCHEMA_WHY];

	if (store_open(dir, &opt, &h->s, why) < 0)
		fail_msg("%s", why);
}

static int64_t series(struct host *h, bool owned, int queue)
{
	struct store_series key = {
		.vm_id = owned ? h->vm : 0,
		.attachment_id = owned ? h->attachment : 0,
		.device_id = h->device,
		.queue = queue,
		.direction = "rx",
		.class = "PTR_FULL",
		.kind = "capacity",
		.reason = "FULL_RING",
		.site = "tun_net_xmit",
	};
	int64_t id;

	must(h->s, store_series(h->s, &key, NOON, &id));
	return id;
}

static void lose(struct host *h, uint64_t t_ns, int64_t id, uint64_t frames)
{
	struct store_loss loss = { id, frames, frames, frames };

	must(h->s,
	     store_tick(h->s, &(struct store_tick){
				      .t_ns = t_ns, .span_ns = SEC, .loss = &loss, .n_loss = 1 }));
}

static void set_up(struct host *h, const char *dir)
{
	struct store_device dev = {
		.boot_id = "b",
		.name = "vnet0",
		.kind = "tap",
		.netns = 1,
		.ifindex = 5,
		.since_ns = NOON,
	};
	struct store_vm vm = { .ident = "u", .name = "web", .state = "running" };
	bool known;

	open_store(h, dir);
	must(h->s, store_vm(h->s, &vm, NOON, &h->vm));
	must(h->s, store_device(h->s, &dev, &h->device, &known));
}

static void attach(struct host *h, uint64_t since_ns)
{
	struct store_attachment a = {
		.vm_id = h->vm,
		.device_id = h->device,
		.queues = 1,
		.ring_frames = 1,
		.since_ns = since_ns,
	};

	must(h->s, store_attachment(h->s, &a, &h->attachment));
}

static int64_t frames(const char *dir, const char *day, int64_t id)
{
	return ask(below(dir, day),
		   "SELECT coalesce(sum(frames), 0) FROM loss WHERE series_id = %d", (int)id);
}

static void assert_rolled_right(const char *dir, const char *day)
{
	assert_int_equal(ask(below(dir, day),
			     "SELECT count(*) FROM (SELECT (t_ns - 1) / 3600000000000 * "
			     "3600000000000 AS h, series_id, sum(frames), sum(segments), "
			     "sum(bytes) FROM loss WHERE h IN (SELECT t_ns FROM rolled) GROUP BY "
			     "1, 2 EXCEPT SELECT * FROM loss_hour)"),
			 0);
	assert_int_equal(ask(below(dir, day),
			     "SELECT (SELECT coalesce(sum(frames), 0) FROM loss_hour) = (SELECT "
			     "coalesce(sum(frames), 0) FROM loss "
			     "WHERE (t_ns - 1) / 3600000000000 * 3600000000000 IN (SELECT t_ns "
			     "FROM rolled))"),
			 1);
}

static void all_of_it_is_his(void **state)
{
	struct host h = { 0 };
	int64_t id;

	set_up(&h, *state);
	id = series(&h, false, 1);
	lose(&h, NOON, id, 5);
	attach(&h, NOON);
	must(h.s, store_attribute(h.s, h.device, h.attachment, h.vm, NOON));
	assert_int_equal(series(&h, true, 1), id);	/* the series changed hands, no row moved */
	assert_int_not_equal(series(&h, false, 1), id);
	assert_int_equal(ask(below(*state, "meta.db"),
			     "SELECT count(*) FROM series WHERE vm_id = %d AND attachment_id = %d "
			     "AND id = %d",
			     (int)h.vm, (int)h.attachment, (int)id),
			 1);
	assert_int_equal(frames(*state, DAY1, id), 5);
	store_close(h.s);
}

static void some_of_it_stays_nobodys(void **state)
{
	uint64_t since = NOON + 20 * NSEC_PER_HOUR;	/* in the second of three days */
	struct host h = { 0 };
	int64_t nobody, his;

	set_up(&h, *state);
	nobody = series(&h, false, 1);
	for (uint64_t hour = 0; hour < 40; hour++)
		lose(&h, NOON + hour * NSEC_PER_HOUR + 1, nobody, 100 + hour);
	attach(&h, since);
	must(h.s, store_attribute(h.s, h.device, h.attachment, h.vm, since));
	his = series(&h, true, 1);
	assert_int_not_equal(his, nobody);
	assert_int_equal(series(&h, false, 1), nobody);
	assert_int_equal(frames(*state, DAY1, nobody), 12 * 100 + 66);
	assert_int_equal(frames(*state, DAY1, his), 0);
	assert_int_equal(frames(*state, DAY2, nobody), 8 * 100 + 12 * 8 + 28);
	assert_int_equal(frames(*state, DAY2, his), 16 * 100 + 20 * 16 + 120);
	assert_int_equal(frames(*state, DAY3, his), 4 * 100 + 36 * 4 + 6);
	assert_rolled_right(*state, DAY1);
	assert_rolled_right(*state, DAY2);
	lose(&h, NOON + 41 * NSEC_PER_HOUR, his, 7);	/* rolls up the hour that was at hand */
	assert_rolled_right(*state, DAY3);
	assert_int_equal(ask(below(*state, DAY3),
			     "SELECT sum(frames) FROM loss_hour WHERE series_id = %d", (int)his),
			 4 * 100 + 36 * 4 + 6);
	assert_false(exists(below(*state, DAY2 "-wal")));	/* a parked day stays parked */
	store_close(h.s);
}

static void twice_is_as_good_as_once(void **state)
{
	struct host h = { 0 };
	int64_t nobody, his;

	set_up(&h, *state);
	nobody = series(&h, false, 1);
	lose(&h, NOON + 1, nobody, 5);
	lose(&h, NOON + 10 * SEC, nobody, 6);
	attach(&h, NOON + 5 * SEC);
	for (int i = 0; i < 2; i++)
		must(h.s, store_attribute(h.s, h.device, h.attachment, h.vm, NOON + 5 * SEC));
	his = series(&h, true, 1);
	/* More of the same that was nobody's, at a moment at which the owner has loss of his own.
	 */
	struct store_loss both[] = { { his, 10, 10, 10 }, { nobody, 100, 100, 100 } };

	must(h.s, store_tick(h.s, &(struct store_tick){
					  .t_ns = NOON + 11 * SEC,
					  .span_ns = SEC,
					  .loss = both,
					  .n_loss = 2,
				  }));
	must(h.s, store_attribute(h.s, h.device, h.attachment, h.vm, NOON + 5 * SEC));
	assert_int_equal(frames(*state, DAY1, nobody), 5);
	assert_int_equal(frames(*state, DAY1, his), 116);
	store_close(h.s);
}

static void loss_of_others_is_not_touched(void **state)
{
	struct store_device dev = {
		.boot_id = "b",
		.name = "vnet1",
		.kind = "tap",
		.netns = 1,
		.ifindex = 6,
		.since_ns = NOON,
	};
	struct host h = { 0 }, neighbour;
	int64_t id, other;
	bool known;

	set_up(&h, *state);
	id = series(&h, false, 1);
	attach(&h, NOON);
	neighbour = h;
	must(h.s, store_device(h.s, &dev, &neighbour.device, &known));
	other = series(&neighbour, false, 1);
	lose(&h, NOON + 1, other, 5);
	lose(&h, NOON + 2, id, 6);
	must(h.s, store_attribute(h.s, h.device, h.attachment, h.vm, NOON));
	assert_int_equal(ask(below(*state, "meta.db"),
			     "SELECT count(*) FROM series WHERE id = %d AND vm_id IS NULL",
			     (int)other),
			 1);
	store_close(h.s);
}

/* The agent dies between store_attachment() and store_attribute(): the next one ends what was
 * begun. */
static void a_crash_in_between_is_made_good(void **state)
{
	struct host h = { 0 };
	int64_t vm;
	int status;
	pid_t pid = fork();

	if (!pid) {
		set_up(&h, *state);
		must(h.s, store_run_begin(h.s, &(struct store_run){ .version = "", .kernel = "" }));
		lose(&h, NOON + 1, series(&h, false, 1), 5);
		lose(&h, NOON + 10 * SEC, series(&h, false, 1), 6);
		lose(&h, NOON + 11 * SEC, series(&h, false, 2), 7);
		attach(&h, NOON + 5 * SEC);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	open_store(&h, *state);
	store_close(h.s);
	vm = ask(below(*state, "meta.db"), "SELECT id FROM vm");
	assert_int_equal(ask(below(*state, "meta.db"),
			     "SELECT count(*) FROM series WHERE vm_id = %d", (int)vm),
			 2);
	assert_int_equal(frames(*state, DAY1,
				ask(below(*state, "meta.db"),
				    "SELECT id FROM series WHERE vm_id IS NULL")),
			 5);
	assert_int_equal(frames(*state, DAY1,
				ask(below(*state, "meta.db"),
				    "SELECT id FROM series WHERE queue = 1 AND vm_id = %d",
				    (int)vm)),
			 6);
	assert_int_equal(ask(below(*state, DAY1), "SELECT sum(frames) FROM loss"), 18);
}

/* A closed day that is beyond repair must not keep the others from being set right. */
static void a_damaged_day_is_passed_over(void **state)
{
	struct host h = { 0 };
	int64_t nobody;

	set_up(&h, *state);
	nobody = series(&h, false, 1);
	lose(&h, NOON + 1, nobody, 5);
	lose(&h, NOON + NSEC_PER_DAY, nobody, 6);
	lose(&h, NOON + 2 * NSEC_PER_DAY, nobody, 7);
	put_file(below(*state, DAY2), "ruins", 5);
	attach(&h, NOON + 5 * SEC);
	must(h.s, store_attribute(h.s, h.device, h.attachment, h.vm, NOON + 5 * SEC));
	assert_int_equal(frames(*state, DAY1, nobody), 5);
	assert_int_equal(frames(*state, DAY3, series(&h, true, 1)), 7);
	store_close(h.s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_of_it_is_his),
		TEST(some_of_it_stays_nobodys),
		TEST(twice_is_as_good_as_once),
		TEST(loss_of_others_is_not_touched),
		TEST(a_crash_in_between_is_made_good),
		TEST(a_damaged_day_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
