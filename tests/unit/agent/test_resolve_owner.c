/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose tap is it when libvirt and /proc disagree, are late, or know half of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "agent/owners/resolve_owner.h"

#define OWN 100
#define UUID_A "aaaaaaaa-0000-0000-0000-000000000001"
#define UUID_B "bbbbbbbb-0000-0000-0000-000000000002"

static struct owner_nic vnet0 = { .ifname = "vnet0", .backend = "vhost" };
static struct owner_nic held = { .ifname = "vnet0", .netns = OWN, .ifindex = 7 };
static struct link_info tap = { .netns = OWN, .ifindex = 7, .name = "vnet0", .kind = TL_KIND_TUN };

static struct owner_vm vm(const char *ident, const char *uuid, const char *name,
			  struct owner_nic *nic)
{
	struct owner_vm v = {
		.ident = (char *)ident,
		.name = (char *)name,
		.state = "running",
		.nics = nic,
		.n_nics = 1,
		.at_ns = 50,
	};

	strcpy(v.uuid, uuid);
	return v;
}

static struct claim ask_of(struct owner_vm *libvirt, struct owner_vm *proc,
			   const struct link_info *dev, const struct lifetime *life)
{
	struct owner_list v = { .vms = libvirt, .n_vms = 1 }, p = { .vms = proc, .n_vms = 1 };
	struct resolve_owner_lists lists = { .own_netns = OWN, .proc = proc ? &p : NULL };
	struct claim c;

	if (libvirt)
		lists.virt[1] = &v;
	resolve_owner(&lists, dev, life, &c);
	return c;
}

static struct claim ask(struct owner_vm *libvirt, struct owner_vm *proc,
			const struct link_info *dev, uint64_t found)
{
	return ask_of(libvirt, proc, dev, &(struct lifetime){ .found_ns = found });
}

static void nobody_claims_it(void **state)
{
	(void)state;
	assert_null(ask(NULL, NULL, &tap, 0).vm);
}

static void both_agree(void **state)
{
	struct owner_vm a = vm(UUID_A, UUID_A, "new-name", &vnet0),
			p = vm(UUID_A, UUID_A, "name-at-start", &held);
	struct claim c;

	(void)state;
	p.pid = 42;
	p.since_ns = 9;
	c = ask(&a, &p, &tap, 0);
	assert_string_equal(c.vm->ident, UUID_A);
	assert_string_equal(c.named->name, "new-name");
	assert_ptr_equal(c.configured, &vnet0);
	assert_ptr_equal(c.held, &held);
	assert_int_equal(c.pid, 42);
	assert_int_equal(c.since_ns, 9);
}

static void the_process_wins_over_a_libvirt_of_yesterday(void **state)
{
	struct owner_vm a = vm(UUID_A, UUID_A, "gone", &vnet0),
			p = vm(UUID_B, UUID_B, "here", &held);
	struct claim c;

	(void)state;
	c = ask(&a, &p, &tap, 0);
	assert_string_equal(c.vm->ident, UUID_B);
	assert_null(c.configured);
}

static void a_stranger_does_not_win_over_a_domain_that_runs(void **state)
{
	struct owner_nic own = vnet0, elsewhere = { .netns = OWN, .ifname = "other" };
	struct owner_vm a = vm(UUID_A, UUID_A, "web", &own);
	struct owner_vm both[] = { vm(UUID_B, UUID_B, "forged", &held),
				   vm(UUID_A, UUID_A, "web", &elsewhere) };
	struct owner_list libvirt = { &a, 1, 100 }, proc = { both, 2, 100 };
	struct resolve_owner_lists lists = { .virt = { &libvirt },
					     .proc = &proc,
					     .own_netns = OWN };
	struct claim c;

	(void)state;
	both[0].uid = 65534;
	resolve_owner(&lists, &tap, &(struct lifetime){ 0 }, &c);
	assert_string_equal(c.vm->ident, UUID_A);
	/* the domain's process is gone: libvirt is of yesterday */
	proc.n_vms = 1;
	resolve_owner(&lists, &tap, &(struct lifetime){ 0 }, &c);
	assert_string_equal(c.vm->ident, UUID_B);
	/* root may take a tap from a domain */
	proc.n_vms = 2;
	both[0].uid = 0;
	resolve_owner(&lists, &tap, &(struct lifetime){ 0 }, &c);
	assert_string_equal(c.vm->ident, UUID_B);
}

static void libvirts_own_daemon_is_not_a_vm(void **state)
{
	struct owner_vm a = vm(UUID_A, UUID_A, "web", &vnet0),
			p = vm("pid:x:1:2", "", "libvirtd-1", &held);

	(void)state;
	assert_string_equal(ask(&a, &p, &tap, 0).vm->ident, UUID_A);
}

static void what_was_read_before_the_tap_came_is_of_another_tap(void **state)
{
	struct owner_vm a = vm(UUID_A, UUID_A, "destroyed", &vnet0);

	(void)state;
	assert_null(ask(&a, NULL, &tap, 51).vm);
	assert_non_null(ask(&a, NULL, &tap, 50).vm);
}

static void what_was_read_after_the_tap_went_is_of_another_tap(void **state)
{
	struct owner_vm next = vm(UUID_B, UUID_B, "next", &held);

	(void)state;
	assert_null(ask_of(NULL, &next, &tap, &(struct lifetime){ 10, 50 }).vm);
	assert_non_null(ask_of(NULL, &next, &tap, &(struct lifetime){ 10, 51 }).vm);
}

static void a_domain_that_is_off_has_no_tap(void **state)
{
	struct owner_vm a = vm(UUID_A, UUID_A, "off", &vnet0);

	(void)state;
	strcpy(a.state, "shutoff");
	assert_null(ask(&a, NULL, &tap, 0).vm);
}

static void names_belong_to_a_namespace(void **state)
{
	struct owner_vm a = vm(UUID_A, UUID_A, "web", &vnet0);
	struct link_info other = tap;

	(void)state;
	other.netns = OWN + 1;
	assert_null(ask(&a, NULL, &other, 0).vm);
}

static void a_macvtap_is_found_by_number(void **state)
{
	struct owner_nic nic = { .netns = OWN, .ifindex = 7 };
	struct owner_vm p = vm(UUID_B, UUID_B, "mac", &nic);
	struct link_info mv = {
		.netns = OWN,
		.ifindex = 7,
		.name = "macvtap0",
		.kind = TL_KIND_MACVTAP,
	};

	(void)state;
	assert_string_equal(ask(NULL, &p, &mv, 0).vm->ident, UUID_B);
	mv.ifindex = 8;
	assert_null(ask(NULL, &p, &mv, 0).vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_claims_it),
		cmocka_unit_test(both_agree),
		cmocka_unit_test(the_process_wins_over_a_libvirt_of_yesterday),
		cmocka_unit_test(a_stranger_does_not_win_over_a_domain_that_runs),
		cmocka_unit_test(libvirts_own_daemon_is_not_a_vm),
		cmocka_unit_test(what_was_read_before_the_tap_came_is_of_another_tap),
		cmocka_unit_test(what_was_read_after_the_tap_went_is_of_another_tap),
		cmocka_unit_test(a_domain_that_is_off_has_no_tap),
		cmocka_unit_test(names_belong_to_a_namespace),
		cmocka_unit_test(a_macvtap_is_found_by_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
