/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many VMs that lose at once: rows of a tick are bounded, each VM has its turn, and no time is told
 * twice or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "agent/tick/pressure.h"
#include "tests/unit/storetest.h"

#define VMS 60
#define TICKS 30
#define STEP_NS NSEC_PER_SEC
#define RUN_NS 400000000ULL		/* in a second */

static const char *root;

static void put(const char *name, const char *text)
{
	FILE *f = fopen(below(root, name), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* One vCPU each, that ran and waited so long. */
static void set_threads(unsigned int seconds)
{
	char name[64], text[96];

	for (int vm = 0; vm < VMS; vm++) {
		snprintf(name, sizeof(name), "%d/task/%d/schedstat", 1000 + vm, 1000 + vm);
		snprintf(text, sizeof(text), "%llu %llu 1\n", RUN_NS * seconds,
			 (unsigned long long)(vm + 1) * 1000 * seconds);
		put(name, text);
	}
}

static void make_threads(void)
{
	char name[64];

	for (int vm = 0; vm < VMS; vm++) {
		snprintf(name, sizeof(name), "%d", 1000 + vm);
		assert_int_equal(mkdir(below(root, name), 0755), 0);
		snprintf(name, sizeof(name), "%d/task", 1000 + vm);
		assert_int_equal(mkdir(below(root, name), 0755), 0);
		snprintf(name, sizeof(name), "%d/task/%d", 1000 + vm, 1000 + vm);
		assert_int_equal(mkdir(below(root, name), 0755), 0);
		snprintf(name, sizeof(name), "%d/task/%d/comm", 1000 + vm, 1000 + vm);
		put(name, "CPU 0/KVM\n");
	}
	set_threads(0);
}

static void lose(struct tap *t, void *arg)
{
	t->holder = 1000 + (int)t->key.ifindex;
	t->vm_id = 1 + (int64_t)t->key.ifindex;
	t->counted.lost = *(bool *)arg;
}

static void each_has_its_turn(void **state)
{
	struct store *s = NULL;
	struct tapmap *taps;
	struct pressure *p;
	struct store_pressure sum[VMS + 1] = { 0 };
	uint64_t until[VMS + 1] = { 0 }, longest = 0;
	char why[SCHEMA_WHY], store[128];
	bool losing = true;

	root = *state;
	make_threads();
	snprintf(store, sizeof(store), "%s/store", root);
	assert_int_equal(store_open(store, &(struct store_options){ 0 }, &s, why), 0);
	assert_int_equal(tapmap_new(s, "b", 1, &taps), 0);
	assert_int_equal(pressure_new(root, &p), 0);
	for (uint32_t i = 0; i < VMS; i++)
		assert_int_equal(tapmap_link(taps,
					     &(struct link_info){ .netns = 1,
								  .ifindex = i,
								  .kind = TL_KIND_TUN,
								  .name = "t" },
					     false, NOON),
				 1);
	for (unsigned int k = 0; k <= TICKS; k++) {
		const struct store_pressure *rows;
		unsigned int n;

		set_threads(k);
		tapmap_each(taps, lose, &losing);
		assert_int_equal(pressure_tick(p, taps, NOON + k * STEP_NS, &rows, &n), 0);
		assert_true(n <= 24 || !k);
		for (unsigned int i = 0; i < n; i++) {
			int64_t vm = rows[i].vm_id;

			/* no gap, nothing twice */
			assert_true(!until[vm] || rows[i].t_ns - rows[i].span_ns == until[vm]);
			until[vm] = rows[i].t_ns;
			longest = rows[i].span_ns > longest ? rows[i].span_ns : longest;
			sum[vm].span_ns += rows[i].span_ns;
			sum[vm].vcpu_run_ns += rows[i].vcpu_run_ns;
			sum[vm].vcpu_wait_ns += rows[i].vcpu_wait_ns;
			assert_int_equal(rows[i].vcpus, 1);
		}
		pressure_stored(p);
	}
	for (int64_t vm = 1; vm <= VMS; vm++) {
		assert_true(sum[vm].span_ns >= (TICKS - 4) * STEP_NS);
		assert_int_equal(sum[vm].vcpu_run_ns, sum[vm].span_ns / STEP_NS * RUN_NS);
		assert_int_equal(sum[vm].vcpu_wait_ns,
				 sum[vm].span_ns / STEP_NS * 1000 * (uint64_t)vm);
	}
	assert_true(longest <= 4 * STEP_NS);	/* sixty take three ticks */
	pressure_free(p);
	tapmap_free(taps);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(each_has_its_turn,
									    make_dir, remove_dir) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
