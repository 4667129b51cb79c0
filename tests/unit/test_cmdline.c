/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a VMM's command line says: QEMU in both spellings, other VMMs, and what hostile ones may
 * hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "agent/owners/cmdline.h"

#define PARSE(text, c) assert_int_equal(cmdline_parse(text, sizeof(text), c), 0)

static void qemu_as_people_start_it(void **state)
{
	static const char text[] =
		"qemu-system-x86_64\0-name\0guest=web-1,debug-threads=on\0-uuid\0"
		"11111111-2222-3333-4444-55555555555A\0"
		"-netdev\0tap,id=n0,ifname=tap7,script=no\0-device\0virtio-net-pci,netdev=n0,mac="
		"52:54:00:00:00:07";
	static const uint8_t mac[] = { 0x52, 0x54, 0, 0, 0, 7 };
	struct cmdline c;

	(void)state;
	PARSE(text, &c);
	assert_string_equal(c.name, "web-1");
	assert_string_equal(c.uuid, "11111111-2222-3333-4444-55555555555a");
	assert_int_equal(c.n_nics, 1);
	assert_string_equal(c.nics[0].ifname, "tap7");
	assert_memory_equal(c.nics[0].mac, mac, 6);
	cmdline_free(&c);
}

static void qemu_as_libvirt_starts_it(void **state)
{
	static const char text[] =
		"/usr/bin/qemu-system-x86_64\0-name\0guest=db,,1,debug-threads=on\0"
		"-netdev\0{\"type\":\"tap\",\"fds\":\"33:35:36\",\"vhost\":true,\"id\":"
		"\"hostnet0\"}\0"
		"-device\0{\"driver\":\"virtio-net-pci\",\"mq\":true,\"netdev\":\"hostnet0\","
		"\"mac\":\"52:54:00:aa:bb:cc\"}";
	static const uint8_t mac[] = { 0x52, 0x54, 0, 0xaa, 0xbb, 0xcc };
	struct cmdline c;

	(void)state;
	PARSE(text, &c);
	assert_string_equal(c.name, "db,1");
	assert_string_equal(c.uuid, "");
	assert_int_equal(c.nics[0].fd, 33);
	assert_memory_equal(c.nics[0].mac, mac, 6);
	cmdline_free(&c);
}

static void names_of_other_vmms(void **state)
{
	struct cmdline c;

	(void)state;
	PARSE("firecracker\0--id\0fc-9", &c);
	assert_string_equal(c.name, "fc-9");
	cmdline_free(&c);
	PARSE("cloud-hypervisor\0--net\0tap=ch0,mac=02:00:00:00:00:01", &c);
	assert_null(c.name);
	assert_string_equal(c.nics[0].ifname, "ch0");
	cmdline_free(&c);
	PARSE("vmm\0--name=equals", &c);
	assert_string_equal(c.name, "equals");
	cmdline_free(&c);
	PARSE("qemu\0-name\0plain,process=x", &c);
	assert_string_equal(c.name, "plain");
	cmdline_free(&c);
}

static void hostile_ones(void **state)
{
	char big[20000] = "qemu\0-name\0guest=";
	struct cmdline c;

	(void)state;
	PARSE("qemu\0-name\0guest=a\xff\033[31m\nb", &c);
	assert_string_equal(c.name, "a\xef\xbf\xbd\033[31m\nb");
	cmdline_free(&c);
	PARSE("qemu\0-netdev\0{\"type\":\0-device\0{{{{\0-netdev\0tap,,,,=,=\0-uuid\0short\0-name",
	      &c);
	assert_null(c.name);
	assert_string_equal(c.uuid, "");
	cmdline_free(&c);
	PARSE("qemu\0-device\0virtio-net-pci,netdev=n0,mac=52:54:00:00:00:zz", &c);
	assert_int_equal(c.nics[0].mac[0], 0);
	cmdline_free(&c);
	memset(big + 17, 'x', sizeof(big) - 18);
	assert_int_equal(cmdline_parse(big, sizeof(big), &c), 0);
	assert_int_equal(strlen(c.name), sizeof(big) - 18);
	cmdline_free(&c);
	assert_int_equal(cmdline_parse("", 0, &c), 0);
	cmdline_free(&c);
	/* no NUL at the end: the process wrote over it */
	assert_int_equal(cmdline_parse("-name", 5, &c), 0);
	cmdline_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(qemu_as_people_start_it),
					    cmocka_unit_test(qemu_as_libvirt_starts_it),
					    cmocka_unit_test(names_of_other_vmms),
					    cmocka_unit_test(hostile_ones) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
