/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cannot be shown follows from the kernel and from what could be attached, and from nothing
 * else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "agent/tick/limitations.h"
#include "collector/kernel/kernel_version.h"

/* A host on which everything works. */
static struct limitations_facts good(unsigned int major, unsigned int minor)
{
	return (struct limitations_facts){
		.kernel = RELEASE(major, minor),
		.reasons = true,
		.functions = true,
		.sockets = true,
		.xdp = true,
		.context_mode = LOSS_CONTEXT_AUTO,
		.context = LOSS_CONTEXT_FENTRY,
	};
}

static const struct limitation_row *find(const struct limitations_facts *f, const char *part)
{
	static struct limitation_row rows[LIMITATIONS_MAX];
	unsigned int n = limitations_list(f, rows);

	assert_in_range(n, 1, LIMITATIONS_MAX);
	for (unsigned int i = 0; i < n; i++) {
		assert_true(rows[i].loss[0] && rows[i].why[0] && rows[i].witness[0]);
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(rows[i].loss, rows[j].loss);
	}
	for (unsigned int i = 0; i < n; i++)
		if (strstr(rows[i].loss, part))
			return &rows[i];
	return NULL;
}

static void releases(void **state)
{
	(void)state;
	assert_int_equal(kernel_version_parse("6.12.115+deb12-cloud-amd64"), RELEASE(6, 12));
	assert_int_equal(kernel_version_parse("5.10.0-43-cloud-amd64"), RELEASE(5, 10));
	assert_int_equal(kernel_version_parse("nonsense"), 0);
}

static void some_losses_no_kernel_shows(void **state)
{
	struct limitations_facts f = good(6, 12);

	(void)state;
	assert_non_null(find(&f, "shorter than its headers"));
	assert_non_null(find(&f, "transmit ring that is stuck"));
	assert_null(find(&f, "device and queue"));
	assert_null(find(&f, "which of several causes"));
	assert_null(find(&f, "bad header"));
}

static void what_a_vhost_worker_drops_has_a_name_from_7_2_on(void **state)
{
	struct limitations_facts f = good(6, 12);

	(void)state;
	f.context = LOSS_CONTEXT_IDLE;
	assert_non_null(find(&f, "the first frames with a bad header"));
	f.context_mode = LOSS_CONTEXT_OFF;
	assert_non_null(strstr(find(&f, "device and queue of a frame with a bad header")->why,
			       "context = off"));
	f.context_mode = LOSS_CONTEXT_AUTO;
	f.context = LOSS_CONTEXT_REFUSED;
	strcpy(f.context_why, "no way in");
	assert_string_equal(find(&f, "device and queue of a frame with a bad header")->why,
			    "no way in");
	f.own_pids = true;
	assert_non_null(find(&f, "only a vhost worker names"));
	f.kernel = RELEASE(7, 2);
	assert_null(find(&f, "vhost worker"));
}

static void limits_of_disciplines_are_told_by_a_tracepoint(void **state)
{
	struct limitations_facts f = good(7, 2);

	(void)state;
	assert_non_null(find(&f, "which limit of a queueing discipline"));
	f.refusals = true;
	assert_null(find(&f, "which limit of a queueing discipline"));
	f = good(6, 18);
	/* in the reasons themselves */
	assert_null(find(&f, "which limit of a queueing discipline"));
}

static void what_is_missing_is_said(void **state)
{
	struct limitations_facts f = good(5, 10);

	(void)state;
	f.reasons = f.functions = f.sockets = f.xdp = false;
	strcpy(f.sockets_why, "s");
	strcpy(f.xdp_why, "x");
	strcpy(f.frame_errors_why, "f");
	strcpy(f.rings_why, "r");
	assert_non_null(find(&f, "which of several causes"));
	assert_non_null(find(&f, "the place of a loss"));
	assert_string_equal(find(&f, "queues of macvtap")->why, "s");
	assert_string_equal(find(&f, "redirected into a tap")->why, "x");
	assert_string_equal(find(&f, "witness of frames with a bad header")->why, "f");
	assert_string_equal(find(&f, "how close a tap came")->why, "r");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases),
		cmocka_unit_test(some_losses_no_kernel_shows),
		cmocka_unit_test(what_a_vhost_worker_drops_has_a_name_from_7_2_on),
		cmocka_unit_test(limits_of_disciplines_are_told_by_a_tracepoint),
		cmocka_unit_test(what_is_missing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
