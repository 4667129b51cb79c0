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

static void qemu_as_proxmox_starts_it(void **state)
{
	static const char text[] =
		"/usr/bin/kvm\0-id\0" "100\0-name\0web,debug-threads=on\0-smbios\0"
		"type=1,uuid=1F8A2BF1-6F33-4B8B-9E6A-8F2D52C8F7A1\0-netdev\0"
		"type=tap,id=net0,ifname=tap100i0,script=/x,downscript=/y,vhost=on\0-device\0"
		"virtio-net-pci,mac=BC:24:11:00:00:01,netdev=net0,bus=pci.0";
	struct cmdline c;

	(void)state;
	PARSE(text, &c);
	assert_string_equal(c.name, "web");
	assert_string_equal(c.vmid, "100");
	assert_string_equal(c.uuid, "1f8a2bf1-6f33-4b8b-9e6a-8f2d52c8f7a1");
	assert_int_equal(c.n_nics, 1);
	assert_string_equal(c.nics[0].ifname, "tap100i0");
	assert_int_equal(c.nics[0].mac[0], 0xbc);
	cmdline_free(&c);
	/* -uuid wins over -smbios, wherever it stands; other types have no UUID of the guest */
	PARSE("qemu\0-uuid\0" "11111111-2222-3333-4444-555555555555\0-smbios\0"
	      "type=1,uuid=22222222-2222-3333-4444-555555555555", &c);
	assert_string_equal(c.uuid, "11111111-2222-3333-4444-555555555555");
	cmdline_free(&c);
	PARSE("qemu\0-smbios\0type=3,uuid=22222222-2222-3333-4444-555555555555", &c);
	assert_string_equal(c.uuid, "");
	cmdline_free(&c);
}

static void every_nic_of_every_vmm(void **state)
{
	struct cmdline c;

	(void)state;
	PARSE("qemu\0-nic\0tap,ifname=t0,mac=02:00:00:00:00:01\0-nic\0user\0-nic\0"
	      "type=tap,fd=7,mac=02:00:00:00:00:02", &c);
	assert_int_equal(c.n_nics, 2);
	assert_string_equal(c.nics[0].ifname, "t0");
	assert_int_equal(c.nics[0].mac[5], 1);
	assert_int_equal(c.nics[1].fd, 7);
	assert_int_equal(c.nics[1].mac[5], 2);
	cmdline_free(&c);
	PARSE("cloud-hypervisor\0--net\0tap=a0,mac=02:00:00:00:00:01\0"
	      "fd=[5,6],mac=02:00:00:00:00:02\0--disk\0path=x", &c);
	assert_int_equal(c.n_nics, 2);
	assert_string_equal(c.nics[0].ifname, "a0");
	assert_int_equal(c.nics[1].fd, 5);
	assert_int_equal(c.nics[1].mac[5], 2);
	cmdline_free(&c);
	PARSE("crosvm\0run\0--net\0tap-name=c0,mac=02:00:00:00:00:01\0--net\0tap-name=c1", &c);
	assert_int_equal(c.n_nics, 2);
	assert_string_equal(c.nics[1].ifname, "c1");
	cmdline_free(&c);
	PARSE("lkvm\0run\0--name\0k\0--network\0mode=tap,tapif=k0,guest_mac=02:00:00:00:00:09",
	      &c);
	assert_string_equal(c.name, "k");
	assert_string_equal(c.nics[0].ifname, "k0");
	assert_int_equal(c.nics[0].mac[5], 9);
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
					    cmocka_unit_test(qemu_as_proxmox_starts_it),
					    cmocka_unit_test(every_nic_of_every_vmm),
					    cmocka_unit_test(hostile_ones) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
