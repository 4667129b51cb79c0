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

static void what_no_tap_carries(void **state)
{
	static const struct {
		const char *kind, *detail;
	} wanted[] = { { "vhost-user", "/run/vhu1" }, { "hostdev", "0000:65:02.1" },
		       { "vdpa", "/dev/vhost-vdpa-0" }, { "passt", "eth0" },
		       { "user", "" }, { "other", "" } };
	struct owner_vm vm, copy;

	(void)state;
	assert_int_equal(
		domxml_parse(
			HEAD
			"<devices>"
			"<interface type='vhostuser'><mac address='52:54:00:00:00:01'/><source "
			"type='unix' path='/run/vhu1' mode='server'/><target "
			"dev='vhu1'/></interface>"
			"<interface type='hostdev'><source><address type='pci' domain='0x0000' "
			"bus='0x65' slot='0x02' function='0x1'/></source></interface>"
			"<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>"
			"<interface type='user'><backend type='passt'/><source "
			"dev='eth0'/></interface>"
			"<interface type='user'/><interface type='network'/>"
			"</devices></domain>",
			&vm),
		0);
	assert_int_equal(vm.n_nics, 0);
	assert_int_equal(vm.n_unseen, 6);
	assert_int_equal(owner_vm_copy(&vm, &copy), 0);
	for (int i = 0; i < 6; i++) {
		assert_string_equal(copy.unseen[i].kind, wanted[i].kind);
		assert_string_equal(copy.unseen[i].detail, wanted[i].detail);
	}
	assert_int_equal(copy.unseen[0].mac[5], 1);
	owner_vm_free(&vm);
	owner_vm_free(&copy);
}

static void labels_of_clouds(void **state)
{
	struct owner_vm vm;

	(void)state;
	assert_int_equal(
		domxml_parse(
			HEAD
			"<title>Web server</title><metadata><nova:instance "
			"xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'>"
			"<nova:name>shop-1</nova:name><nova:flavor name='m1.small'/><nova:owner>"
			"<nova:user uuid='u'>bob</nova:user><nova:project uuid='p'>web "
			"shop</nova:project></nova:owner></nova:instance></metadata></domain>",
			&vm),
		0);
	assert_int_equal(vm.n_labels, 6);
	assert_string_equal(vm.labels[0].key, "title");
	assert_string_equal(vm.labels[0].value, "Web server");
	assert_string_equal(vm.labels[2].key, "project");
	assert_string_equal(vm.labels[2].value, "web shop");
	assert_string_equal(vm.labels[5].key, "flavor");
	assert_string_equal(vm.labels[5].value, "m1.small");
	owner_vm_free(&vm);
	assert_int_equal(
		domxml_parse(
			"<domain><name>prod_db</name><uuid>11111111-2222-3333-4444-555555555555"
			"</uuid><metadata><kubevirt xmlns='http://kubevirt.io'><uid/></kubevirt>"
			"</metadata></domain>",
			&vm),
		0);
	assert_string_equal(vm.labels[0].value, "prod");
	assert_string_equal(vm.labels[1].key, "vmi");
	assert_string_equal(vm.labels[1].value, "db");
	owner_vm_free(&vm);
}

static void labels_are_bounded(void **state)
{
	struct owner_vm vm = { 0 };
	char key[32], value[600];

	(void)state;
	memset(value, 'x', 255);
	strcpy(value + 255,
	       "\xc3\xa4 and more"); /* it would be cut in the middle of the character */
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(owner_vm_label(&vm, key, value), 0);
	}
	assert_int_equal(vm.n_labels, OWNER_LABELS);
	assert_int_equal(strlen(vm.labels[0].value), 255);
	assert_int_equal(owner_vm_label(&vm, "k1", ""), 0);
	assert_int_equal(vm.n_labels, OWNER_LABELS);
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
					    cmocka_unit_test(what_no_tap_carries),
					    cmocka_unit_test(labels_of_clouds),
					    cmocka_unit_test(labels_are_bounded),
					    cmocka_unit_test(names_of_any_length_and_letter),
					    cmocka_unit_test(what_is_no_domain),
					    cmocka_unit_test(files_are_not_read) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
