/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration file: every mistake is named with file, line and key, and changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/log.h"

static char path[64];

static int set_up(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/test_config.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

static int read_text(const char *text, struct config *c, char why[static CONFIG_WHY])
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	why[0] = '\0';
	return config_read(path, c, why);
}

static void defaults_are_in_range(void **state)
{
	struct config c;

	(void)state;
	config_defaults(&c);
	assert_int_equal(c.interval_ms, 1000);
	assert_string_equal(c.store, "/var/lib/taploss");
	assert_string_equal(c.uris, "qemu:///system");
	assert_int_equal(c.log_level, LOG_LEVEL_NOTICE);
	assert_true(c.proc);
}

static void all_keys_are_read(void **state)
{
	char why[CONFIG_WHY];
	struct config c;

	(void)state;
	config_defaults(&c);
	assert_int_equal(
		read_text("[agent]\ninterval_ms = "
			  "250\nlog=debug\n[store]\ndirectory=/x\nretention_days=0\n"
			  "[libvirt]\nuri = qemu:///system xen:///\n[proc]\nenabled = no\n",
			  &c, why),
		0);
	assert_int_equal(c.interval_ms, 250);
	assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(c.store, "/x");
	assert_int_equal(c.retention_days, 0);
	assert_false(c.proc);
}

static void what_it_prints_it_reads(void **state)
{
	char why[CONFIG_WHY];
	struct config c, d;
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	config_defaults(&c);
	c.interval_ms = 777;
	c.proc = false;
	config_print(f, &c);
	fclose(f);
	config_defaults(&d);
	assert_int_equal(config_read(path, &d, why), 0);
	assert_memory_equal(&c, &d, sizeof(c));
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} bad[] = {
		{ "[agent]\ninterval_ms = 99\n", ":2: agent.interval_ms:", "100 to 60000" },
		{ "[agent]\ninterval_ms = 60001\n", ":2: agent.interval_ms:", "100 to 60000" },
		{ "[agent]\ninterval_ms = 1s\n", ":2: agent.interval_ms:", "whole number" },
		{ "[agent]\ninterval_ms = -5\n", ":2: agent.interval_ms:", "whole number" },
		{ "[agent]\n\ninterval = 5\n", ":3: agent.interval:", "no such key" },
		{ "[agnet]\ninterval_ms = 500\n", ":2: agnet.interval_ms:", "no such key" },
		{ "[agent]\nlog = loud\n", ":2: agent.log:", "not one of" },
		{ "[proc]\nenabled = maybe\n", ":2: proc.enabled:", "neither yes nor no" },
		{ "[agent]\ninterval_ms = 500\ninterval_ms = 600\n",
		  ":3: agent.interval_ms:", "given twice" },
		{ "[agent]\nnonsense\n", ":2: line:", "neither" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char why[CONFIG_WHY];
		struct config c, before;

		config_defaults(&c);
		before = c;
		assert_int_equal(read_text(bad[i].text, &c, why), -EINVAL);
		assert_memory_equal(&c, &before, sizeof(c));
		if (!strstr(why, bad[i].where) || !strstr(why, bad[i].what) ||
		    strncmp(why, path, strlen(path)) != 0)
			fail_msg("%s: got \"%s\"", bad[i].text, why);
	}
}

static void long_lines_are_refused(void **state)
{
	char text[3000] = "[store]\ndirectory = /", why[CONFIG_WHY];
	struct config c;

	(void)state;
	memset(text + strlen(text), 'a', 1500);
	config_defaults(&c);
	assert_int_equal(read_text(text, &c, why), -EINVAL);
	assert_non_null(strstr(why, ":2: "));
}

static void uris_are_split(void **state)
{
	const char *uris[CONFIG_MAX_URIS];
	char buf[CONFIG_STRING];
	struct config c;

	(void)state;
	config_defaults(&c);
	strcpy(c.uris, " a:///  b:///x\tc:// ");
	assert_int_equal(config_uris(&c, buf, uris), 3);
	assert_string_equal(uris[2], "c://");
	strcpy(c.uris, "none");
	assert_int_equal(config_uris(&c, buf, uris), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_in_range),
		cmocka_unit_test(uris_are_split),
		cmocka_unit_test_setup_teardown(all_keys_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_it_prints_it_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mistakes_are_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_lines_are_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
