/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domain XML: what it says of the host's side, and that a hostile one does no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/owners/domxml.h"

#define HEAD "<domain type='kvm'><name>web</name><uuid>11111111-2222-3333-4444-55555555555A</uuid>"

static void interfaces(void **state)
{
	static const uint8_t mac[] = { 0x52, 0x54, 0, 0, 0, 1 };
	struct owner_vm vm;

	(void)state;
	assert_int_equal(
		domxml_parse(
			HEAD
			"<devices>"
			"<interface type='bridge'><mac address='52:54:00:00:00:01'/><source "
			"bridge='br0'/><target dev='vnet0'/><driver name='qemu' "
			"queues='4'/></interface>"
			"<interface type='direct'><mac address='52:54:00:00:00:02'/><source "
			"dev='eth0' mode='bridge'/><target dev='macvtap0'/></interface>"
			"<interface type='network'><source network='default' "
			"bridge='virbr0'/><target dev='vnet1'/><driver name='vhost'/></interface>"
			"<interface type='user'><mac address='52:54:00:00:00:03'/></interface>"
			"<interface type='ethernet'><target "
			"dev='a-name-that-no-device-can-have'/></interface>"
			"</devices></domain>",
			&vm),
		0);
	assert_string_equal(vm.name, "web");
	assert_string_equal(vm.uuid, "11111111-2222-3333-4444-55555555555a");
	assert_string_equal(vm.ident, vm.uuid);
	assert_int_equal(vm.n_nics, 3);
	assert_string_equal(vm.nics[0].ifname, "vnet0");
	assert_memory_equal(vm.nics[0].mac, mac, 6);
	assert_int_equal(vm.nics[0].queues, 4);
	assert_string_equal(vm.nics[0].backend, "userspace");
	assert_string_equal(vm.nics[0].network, "br0");
	assert_string_equal(vm.nics[1].network, "eth0");
	assert_string_equal(vm.nics[2].backend, "vhost");
	assert_string_equal(vm.nics[2].network, "default");
	owner_vm_free(&vm);
}

static void names_of_any_length_and_letter(void **state)
{
	char *xml = malloc(11000), *x;
	struct owner_vm vm;

	(void)state;
	x = xml + sprintf(xml, "<domain><name>&lt;&amp;\"'");
	memset(x, 'x', 10000);
	strcpy(x + 10000, "</name><uuid>11111111-2222-3333-4444-555555555555</uuid></domain>");
	assert_int_equal(domxml_parse(xml, &vm), 0);
	assert_memory_equal(vm.name, "<&\"'xxx", 7);
	assert_int_equal(strlen(vm.name), 10004);
	owner_vm_free(&vm);
	free(xml);
}

static void what_is_no_domain(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"<domain/>",
		"<network><name>a</name><uuid>11111111-2222-3333-4444-555555555555</uuid></"
		"network>",
		"<domain><name>a</name></domain>",
		"<domain><name>a</name><uuid>short</uuid></domain>",
		HEAD,
		"<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b "
		"'&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]>"
		"<domain><name>&c;</name></domain>",
	};
	struct owner_vm vm;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(domxml_parse(bad[i], &vm), -EINVAL);
}

static void files_are_not_read(void **state)
{
	struct owner_vm vm;

	(void)state;
	assert_int_equal(domxml_parse("<!DOCTYPE d [<!ENTITY e SYSTEM "
				      "'file:///etc/passwd'>]><domain><name>a&e;b</name>"
				      "<uuid>11111111-2222-3333-4444-555555555555</uuid></domain>",
				      &vm),
			 0);
	assert_null(strstr(vm.name, "root"));
	owner_vm_free(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(interfaces),
					    cmocka_unit_test(names_of_any_length_and_letter),
					    cmocka_unit_test(what_is_no_domain),
					    cmocka_unit_test(files_are_not_read) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
