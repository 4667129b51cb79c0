/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's own vhost workers, in a /proc made up for the purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/owners/kvhost.h"
#include "collector/base.h"

#define S NSEC_PER_SEC

static char proc[32];

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void dir(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void thread(int tid, const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), "%d", tid);
	dir(path);
	snprintf(path, sizeof(path), "%d/comm", tid);
	put(path, name);
}

static int setup(void **state)
{
	struct kvhost *k;

	snprintf(proc, sizeof(proc), "/tmp/kvhost.XXXXXX");
	assert_non_null(mkdtemp(proc));
	thread(2, "kthreadd\n");
	dir("2/task");
	dir("2/task/2");
	put("2/task/2/children", "");
	assert_int_equal(kvhost_new(proc, &k), 0);
	*state = k;
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	kvhost_free(*state);
	snprintf(command, sizeof(command), "rm -r %s", proc);
	return system(command);
}

static void add(int tid, void *arg)
{
	int *sum = arg;

	*sum += tid;
}

/* The sum of their numbers. */
static int workers(const struct kvhost *k, int vmm)
{
	int sum = 0;

	kvhost_each(k, vmm, add, &sum);
	return sum;
}

static void they_come_and_go(void **state)
{
	struct kvhost *k = *state;

	thread(10, "kworker/0:1\n");
	thread(11, "vhost-900\n");
	thread(12, "vhost-900\n");
	thread(13, "vhost-90\n");
	thread(14, "vhost-user\n");
	put("2/task/2/children", "10 11 12 13 14 ");
	assert_int_equal(workers(k, 900), 0);
	assert_int_equal(kvhost_look(k, 100, S), 5);
	assert_int_equal(workers(k, 900), 23);
	assert_int_equal(workers(k, 90), 13);
	assert_int_equal(workers(k, 9), 0);

	thread(15, "vhost-90\n");
	put("2/task/2/children", "10 11 13 14 15 ");
	assert_int_equal(kvhost_look(k, 100, S + S / 2), 0);	/* too soon */
	assert_int_equal(workers(k, 90), 13);
	assert_int_equal(kvhost_look(k, 100, 2 * S), 1);
	assert_int_equal(workers(k, 90), 28);
	assert_int_equal(workers(k, 900), 11);
	put("11/comm", "kworker/1:3\n");			/* its number is another's now */
	assert_int_equal(workers(k, 900), 0);
}

static void one_without_its_name_is_asked_again(void **state)
{
	struct kvhost *k = *state;

	thread(11, "kthreadd\n");
	put("2/task/2/children", "11 12 ");	/* 12 has ended meanwhile */
	assert_int_equal(kvhost_look(k, 100, S), 2);
	put("11/comm", "vhost-900\n");
	put("2/task/2/children", "11 ");
	assert_int_equal(kvhost_look(k, 100, 2 * S), 1);
	assert_int_equal(workers(k, 900), 11);
}

static void no_more_at_once_than_asked_for(void **state)
{
	struct kvhost *k = *state;

	thread(11, "vhost-900\n");
	thread(12, "vhost-900\n");
	thread(13, "vhost-900\n");
	put("2/task/2/children", "11 12 13 ");
	assert_int_equal(kvhost_look(k, 2, S), 2);
	assert_int_equal(workers(k, 900), 23);
	assert_int_equal(kvhost_look(k, 2, S + 1), 1);		/* the rest at once */
	assert_int_equal(workers(k, 900), 36);
	assert_int_equal(kvhost_look(k, 2, S + 2), 0);
}

/* Another namespace's process 2 is anybody. */
static void only_kthreadd_has_them(void **state)
{
	struct kvhost *k = *state;

	thread(11, "vhost-900\n");
	put("2/task/2/children", "11 ");
	put("2/comm", "bash\n");
	assert_int_equal(kvhost_look(k, 100, S), 0);
	assert_int_equal(workers(k, 900), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(they_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(one_without_its_name_is_asked_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(no_more_at_once_than_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(only_kthreadd_has_them, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
