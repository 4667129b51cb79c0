/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each capability that is missing is named, with what it costs; others are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <linux/capability.h>

#include "agent/privilege.h"
#include "collector/base.h"

#define BIT(cap) (UINT64_C(1) << (cap))

static const uint64_t all = BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_SYS_ADMIN) |
			    BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_NET_ADMIN);

static const struct {
	uint64_t without;
	unsigned int n;
	const char *says;
} cases[] = {
	{ BIT(CAP_BPF), 0, "no CAP_BPF: CAP_SYS_ADMIN serves as well" },
	{ BIT(CAP_PERFMON), 0, "no CAP_PERFMON: CAP_SYS_ADMIN serves as well" },
	{ BIT(CAP_SYS_ADMIN), 1, "no CAP_SYS_ADMIN: taps in other network namespaces" },
	{ BIT(CAP_BPF) | BIT(CAP_SYS_ADMIN), 2, "no CAP_BPF: the kernel does not count" },
	{ BIT(CAP_SYS_PTRACE), 1, "no CAP_SYS_PTRACE: which process holds a tap" },
	{ BIT(CAP_DAC_READ_SEARCH), 1, "no CAP_DAC_READ_SEARCH: which tap a process" },
	{ BIT(CAP_NET_ADMIN), 1, "no CAP_NET_ADMIN: the drop monitor" },
};

static void names_what_is_missing(void **state)
{
	char text[PRIVILEGE_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(privilege_missing(all & ~cases[i].without, text), cases[i].n);
		assert_ptr_equal(strstr(text, cases[i].says), text);
	}
}

static void says_nothing_when_all_is_there(void **state)
{
	char text[PRIVILEGE_TEXT];

	(void)state;
	assert_int_equal(privilege_missing(all, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(privilege_missing(UINT64_MAX, text), 0);
}

static void all_of_it_fits(void **state)
{
	char text[PRIVILEGE_TEXT];

	(void)state;
	assert_int_equal(privilege_missing(0, text), 6);
	assert_non_null(strstr(text, "CAP_NET_ADMIN"));
	assert_true(strlen(text) < sizeof(text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_what_is_missing),
		cmocka_unit_test(says_nothing_when_all_is_there),
		cmocka_unit_test(all_of_it_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
