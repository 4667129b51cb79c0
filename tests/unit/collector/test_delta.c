/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each frame is handed out once, and again only when the transaction that should have stored it did
 * not happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "collector/loss/delta.h"

static struct tl_loss_key key_of(uint32_t ifindex)
{
	return (struct tl_loss_key){
		.location = 0xffffffff81000000,
		.netns = 4026531840U,
		.ifindex = ifindex,
		.kind = TL_KIND_TUN,
	};
}

static struct loss_total total_of(uint64_t frames, uint64_t born_ns)
{
	return (struct loss_total){ frames, frames * 2, frames * 100, born_ns };
}

/* What is new of @key at @frames, -1 when delta_next() says nothing is. */
static int64_t next(struct delta *d, uint32_t ifindex, uint64_t frames, uint64_t born_ns)
{
	struct tl_loss_key key = key_of(ifindex);
	struct loss_total total = total_of(frames, born_ns), new;
	int r = delta_next(d, &key, &total, &new);

	assert_true(r >= 0);
	if (!r)
		return -1;
	assert_int_equal(new.segments, new.frames * 2);
	assert_int_equal(new.bytes, new.frames * 100);
	return (int64_t)new.frames;
}

static int set_up(void **state)
{
	return delta_new((struct delta **)state);
}

static int tear_down(void **state)
{
	*state = delta_free(*state);
	return 0;
}

static void hands_out_the_difference(void **state)
{
	assert_int_equal(next(*state, 1, 5, 9), 5);
	delta_commit(*state);
	assert_int_equal(next(*state, 1, 5, 9), -1);
	assert_int_equal(next(*state, 1, 12, 9), 7);
	assert_int_equal(next(*state, 2, 3, 9), 3);
	delta_commit(*state);
	assert_int_equal(next(*state, 1, 12, 9), -1);
}

static void hands_out_again_after_rollback(void **state)
{
	assert_int_equal(next(*state, 1, 5, 9), 5);
	delta_rollback(*state);
	assert_int_equal(next(*state, 1, 8, 9), 8);
	delta_commit(*state);
	assert_int_equal(next(*state, 1, 10, 9), 2);
	delta_rollback(*state);
	delta_commit(*state);	/* nothing was asked for since: moves nothing */
	assert_int_equal(next(*state, 1, 10, 9), 2);
}

static void last_asked_total_is_committed(void **state)
{
	assert_int_equal(next(*state, 1, 5, 9), 5);
	assert_int_equal(next(*state, 1, 6, 9), 6);
	delta_commit(*state);
	assert_int_equal(next(*state, 1, 6, 9), -1);
}

static void seed_is_a_baseline(void **state)
{
	struct tl_loss_key key = key_of(1);
	struct loss_total stored = total_of(100, 9);

	assert_int_equal(delta_seed(*state, &key, &stored), 0);
	assert_int_equal(next(*state, 1, 100, 9), -1);
	assert_int_equal(next(*state, 1, 130, 9), 30);
}

/* The key was deleted and came back: all of it is new, also when the new total is the larger or the
 * very same one. */
static void another_birth_starts_at_zero(void **state)
{
	assert_int_equal(next(*state, 1, 50, 9), 50);
	delta_commit(*state);
	assert_int_equal(next(*state, 1, 20, 10), 20);
	delta_commit(*state);
	assert_int_equal(next(*state, 1, 20, 11), 20);
	delta_commit(*state);
	assert_int_equal(next(*state, 1, 90, 12), 90);
}

/* A CPU may be between its adds when it is read: the bytes of a frame that was handed out already
 * still come. */
static void late_bytes_are_not_lost(void **state)
{
	struct tl_loss_key key = key_of(1);
	struct loss_total torn = { 1, 1, 0, 9 }, whole = { 1, 1, 60, 9 }, new;

	assert_int_equal(delta_next(*state, &key, &torn, &new), 1);
	delta_commit(*state);
	assert_int_equal(delta_next(*state, &key, &whole, &new), 1);
	assert_int_equal(new.frames, 0);
	assert_int_equal(new.bytes, 60);
}

static int count_each(const struct tl_loss_key *key, const struct loss_total *baseline, void *arg)
{
	uint64_t *sums = arg;

	assert_int_equal(baseline->frames, key->ifindex);
	sums[0]++;
	sums[1] += baseline->frames;
	return 0;
}

static void keeps_ten_thousand(void **state)
{
	uint64_t sums[2] = { 0 };

	for (uint32_t i = 1; i <= 10000; i++)
		assert_int_equal(next(*state, i, i, 9), i);
	delta_commit(*state);
	for (uint32_t i = 1; i <= 10000; i++)
		assert_int_equal(next(*state, i, i, 9), -1);
	assert_int_equal(delta_each(*state, count_each, sums), 0);
	assert_int_equal(sums[0], 10000);
	assert_int_equal(sums[1], 10000 * 10001 / 2);
}

static int stop_at_once(const struct tl_loss_key *key, const struct loss_total *baseline, void *arg)
{
	(void)key;
	(void)baseline;
	++*(int *)arg;
	return -7;
}

static void each_stops_when_told(void **state)
{
	int calls = 0;

	next(*state, 1, 1, 9);
	next(*state, 2, 2, 9);
	assert_int_equal(delta_each(*state, stop_at_once, &calls), -7);
	assert_int_equal(calls, 1);
}

static void forgotten_key_begins_anew(void **state)
{
	struct tl_loss_key key = key_of(1);

	assert_int_equal(next(*state, 1, 5, 9), 5);
	delta_commit(*state);
	delta_forget(*state, &key);
	assert_int_equal(next(*state, 1, 6, 9), 6);
}

/* A key whose frames are on their way to the store must survive: the commit that follows would
 * write to freed memory. */
static void forgetting_waits_for_the_commit(void **state)
{
	struct tl_loss_key key = key_of(1);

	assert_int_equal(next(*state, 1, 5, 9), 5);
	delta_forget(*state, &key);
	delta_commit(*state);
	assert_int_equal(next(*state, 1, 5, 9), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hands_out_the_difference),
		TEST(hands_out_again_after_rollback),
		TEST(last_asked_total_is_committed),
		TEST(seed_is_a_baseline),
		TEST(another_birth_starts_at_zero),
		TEST(late_bytes_are_not_lost),
		TEST(keeps_ten_thousand),
		TEST(each_stops_when_told),
		TEST(forgotten_key_begins_anew),
		TEST(forgetting_waits_for_the_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
