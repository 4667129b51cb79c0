/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of the running kernel are named as /proc/kallsyms names them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/kernel/ksym.h"

static int set_up(void **state)
{
	struct ksyms *k;

	if (ksyms_new(&k) == 0)
		*state = k;
	return 0;
}

static int tear_down(void **state)
{
	*state = ksyms_free(*state);
	return 0;
}

static uint64_t address_of(const char *function)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], name[256];
	uint64_t addr = 0, at;

	assert_non_null(f);
	while (!addr && fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 " %*c %255s", &at, name) == 2 &&
		    !strcmp(name, function))
			addr = at;
	fclose(f);
	return addr;
}

static void finds_the_function_around(void **state)
{
	struct ksym sym;
	uint64_t at;

	if (!*state)
		skip();	/* addresses are hidden from us */
	at = address_of("netif_rx");
	assert_int_not_equal(at, 0);
	assert_int_equal(ksym_find(*state, at + 4, &sym), 0);
	assert_string_equal(sym.function, "netif_rx");
	assert_string_equal(sym.module, "");
	assert_int_equal(sym.offset, 4);
}

/* A call that never returns may be a function's last instruction: its return address is where the
 * next function begins. */
static void return_address_belongs_to_the_caller(void **state)
{
	struct ksym sym;

	if (!*state)
		skip();
	assert_int_equal(ksym_find(*state, address_of("netif_rx"), &sym), 0);
	assert_string_not_equal(sym.function, "netif_rx");
}

static void unknown_is_a_number(void **state)
{
	struct ksym sym;

	assert_int_equal(ksym_find(*state, 0x1234, &sym), -ENOENT);
	assert_string_equal(sym.function, "0x1234");
	assert_int_equal(ksym_find(NULL, 0xffffffff81000123, &sym), -ENOENT);
	assert_string_equal(sym.function, "0xffffffff81000123");
	assert_string_equal(sym.module, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_function_around),
		cmocka_unit_test(return_address_belongs_to_the_caller),
		cmocka_unit_test(unknown_is_a_number),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
