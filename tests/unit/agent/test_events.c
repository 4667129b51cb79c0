/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events in the store: what changes makes one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "agent/store/store.h"
#include "tests/unit/storetest.h"

#define SEC NSEC_PER_SEC
static const struct store_options no_limits;
static char why[SCHEMA_WHY];

static struct store *must_open(const char *dir)
{
	struct store *s = NULL;
	int r = store_open(dir, &no_limits, &s, why);

	if (r < 0)
		fail_msg("%s: %s", strerror(-r), why);
	return s;
}

static void must(struct store *s, int r)
{
	if (r < 0)
		fail_msg("%s: %s", strerror(-r), store_error(s));
}

static int64_t a_device(struct store *s, uint32_t ifindex, bool *known)
{
	int64_t id;

	must(s, store_device(s,
			     &(struct store_device){
				     .boot_id = "boot",
				     .name = "vnet0",
				     .kind = "tap",
				     .netns = 4,
				     .ifindex = ifindex,
				     .since_ns = NOON,
			     },
			     &id, known));
	return id;
}

/* What changes is an event, once; what stays or comes to be known is none; of one kind a thousand
 * are kept. */
static void what_changes_is_an_event(void **state)
{
	struct store *s = must_open(*state);
	struct store_vm vm = { .ident = "u1", .name = "web", .state = "running" };
	const char *path = below(*state, "meta.db");
	int64_t id, vm_id;
	bool known;

	must(s, store_vm(s, &vm, NOON, &vm_id));
	vm.state = "paused";
	must(s, store_vm(s, &vm, NOON + SEC, &vm_id));
	must(s, store_vm(s, &vm, NOON + 2 * SEC, &vm_id));
	vm.name = "web-2";
	must(s, store_vm(s, &vm, NOON + 3 * SEC, &vm_id));
	assert_int_equal(ask(path, "SELECT count(*) FROM event"), 3);
	assert_int_equal(ask(path, "SELECT t_ns FROM event WHERE what = 'vm' AND was IS NULL AND "
				   "became = 'running'"),
			 NOON);
	assert_int_equal(ask(path, "SELECT t_ns FROM event WHERE what = 'state' AND was = "
				   "'running' AND became = 'paused'"),
			 NOON + SEC);
	assert_int_equal(ask(path, "SELECT t_ns FROM event WHERE what = 'name' AND was = 'web' AND "
				   "became = 'web-2'"),
			 NOON + 3 * SEC);

	struct store_attachment a = {
		.vm_id = vm_id,
		.device_id = a_device(s, 7, &known),
		.queues = -1,
		.ring_frames = 500,
		.since_ns = NOON,
		.at_ns = NOON + 4 * SEC,
	};

	must(s, store_attachment(s, &a, &id));
	a.queues = 4;
	must(s, store_attachment(s, &a, &id));
	assert_int_equal(ask(path, "SELECT count(*) FROM event"), 4);
	a.queues = 2;
	a.ring_frames = 1000;
	must(s, store_attachment(s, &a, &id));
	assert_int_equal(
		ask(path,
		    "SELECT t_ns FROM event WHERE what = 'queues' AND was = '4' AND became = '2'"),
		NOON + 4 * SEC);
	assert_int_equal(ask(path, "SELECT t_ns FROM event WHERE what = 'ring' AND was = '500' AND "
				   "became = '1000'"),
			 NOON + 4 * SEC);
	must(s, store_attachment_end(s, id, NOON + 5 * SEC));
	must(s, store_attachment_end(s, id, NOON + 6 * SEC));
	assert_int_equal(ask(path, "SELECT t_ns FROM event WHERE what = 'nic' AND became IS NULL"),
			 NOON + 5 * SEC);
	assert_int_equal(ask(path, "SELECT count(*) FROM event"), 7);

	for (uint64_t i = 0; i < 1200; i++) {
		vm.state = i & 1 ? "paused" : "running";
		must(s, store_vm(s, &vm, NOON + (10 + i) * SEC, &vm_id));
	}
	assert_int_equal(ask(path, "SELECT count(*) FROM event WHERE what = 'state'"), 1000);
	assert_int_equal(ask(path, "SELECT max(t_ns) FROM event"), NOON + 1209 * SEC);
	assert_int_equal(ask(path, "SELECT count(*) FROM event WHERE what <> 'state'"), 6);
	must(s, store_forget_events(s, NOON + 1209 * SEC));
	assert_int_equal(ask(path, "SELECT count(*) FROM event"), 1);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_changes_is_an_event, make_dir, remove_dir)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
