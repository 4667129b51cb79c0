/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resolve_owner.h"

#include <string.h>

/* A domain that is defined but not running has no tap, whatever its XML names. */
static bool active(const struct owner_vm *vm)
{
	return strcmp(vm->state, "shutoff") != 0 && strcmp(vm->state, "crashed") != 0;
}

static bool same_device(const struct owner_nic *nic, uint32_t nic_netns,
			const struct link_info *tap)
{
	if (nic_netns != tap->netns)
		return false;
	if (nic->ifindex)
		return nic->ifindex == tap->ifindex;
	return nic->ifname[0] && !strcmp(nic->ifname, tap->name);
}

static const struct owner_nic *nic_of(const struct owner_vm *vm, const struct link_info *tap,
				      uint32_t own)
{
	for (unsigned int i = 0; i < vm->n_nics; i++) {
		const struct owner_nic *nic = &vm->nics[i];

		if (same_device(nic, nic->netns ? nic->netns : own, tap))
			return nic;
	}
	return NULL;
}

/* Finds the VM in @list that has @tap. Device names without a namespace are names in @own. */
static const struct owner_vm *holder(const struct owner_list *list, const struct link_info *tap,
				     const struct lifetime *life, uint32_t own,
				     const struct owner_nic **ret_nic)
{
	for (unsigned int i = 0; list && i < list->n_vms; i++) {
		const struct owner_vm *vm = &list->vms[i];
		const struct owner_nic *nic;

		if (!active(vm) || vm->at_ns < life->found_ns ||
		    (life->gone_ns && vm->at_ns >= life->gone_ns))
			continue;
		nic = nic_of(vm, tap, own);
		if (nic) {
			*ret_nic = nic;
			return vm;
		}
	}
	return NULL;
}

static const struct owner_vm *by_ident(const struct owner_list *list, const char *ident)
{
	for (unsigned int i = 0; list && i < list->n_vms; i++)
		if (!strcmp(list->vms[i].ident, ident))
			return &list->vms[i];
	return NULL;
}

const struct owner_vm *resolve_owner_vm(const struct resolve_owner_lists *lists, const char *ident)
{
	for (unsigned int i = 0; i < WEIGH_MAX_VIRT; i++) {
		const struct owner_vm *vm = by_ident(lists->virt[i], ident);

		if (vm)
			return vm;
	}
	return by_ident(lists->proc, ident);
}

const struct owner_vm *resolve_owner_pid(const struct resolve_owner_lists *lists, int pid)
{
	for (unsigned int i = 0; lists->proc && i < lists->proc->n_vms; i++)
		if (lists->proc->vms[i].pid == pid)
			return &lists->proc->vms[i];
	return NULL;
}

/* Does @p's word count against libvirt's? What a process says of itself anybody can say, so another
 * identity than that of a domain whose process is there is believed of root only. A process without
 * a UUID beside a domain that claims the tap is libvirt's own daemon, making it. */
static bool believed(const struct resolve_owner_lists *lists, const struct owner_vm *p,
		     const struct owner_vm *v)
{
	if (!p->uuid[0] || !strcmp(p->ident, v->ident))
		return false;
	return !p->uid || !by_ident(lists->proc, v->ident);
}

void resolve_owner(const struct resolve_owner_lists *lists, const struct link_info *tap,
		   const struct lifetime *life, struct claim *ret)
{
	const struct owner_nic *held = NULL, *configured = NULL;
	const struct owner_vm *p = holder(lists->proc, tap, life, lists->own_netns, &held),
			      *v = NULL;

	for (unsigned int i = 0; i < WEIGH_MAX_VIRT && !v; i++)
		v = holder(lists->virt[i], tap, life, lists->own_netns, &configured);

	*ret = (struct claim){ 0 };
	if (v && (!p || !believed(lists, p, v)))
		ret->vm = v;
	else
		ret->vm = p;
	if (!ret->vm)
		return;
	ret->named = resolve_owner_vm(lists, ret->vm->ident);
	ret->configured = ret->vm == v ? configured : NULL;
	if (p && !strcmp(p->ident, ret->vm->ident)) {
		ret->held = held;
		ret->pid = p->pid;
		ret->since_ns = p->since_ns;
	}
}
