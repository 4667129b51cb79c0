/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virt_domain.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/clock.h"
#include "domxml.h"

static const char *pause_name(int reason)
{
	switch (reason) {
	case VIR_DOMAIN_PAUSED_MIGRATION:
	case VIR_DOMAIN_PAUSED_POSTCOPY:
	case VIR_DOMAIN_PAUSED_POSTCOPY_FAILED:
		return "migrating";
	case VIR_DOMAIN_PAUSED_SAVE:
	case VIR_DOMAIN_PAUSED_DUMP:
	case VIR_DOMAIN_PAUSED_SNAPSHOT:
		return "saving";
	case VIR_DOMAIN_PAUSED_STARTING_UP:
	case VIR_DOMAIN_PAUSED_FROM_SNAPSHOT:
		return "starting";
	default:
		return "paused";
	}
}

static const char *state_name(int state, int reason)
{
	switch (state) {
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
		return "running";
	case VIR_DOMAIN_PAUSED:
		return pause_name(reason);
	case VIR_DOMAIN_SHUTDOWN:
		return "shutdown";
	case VIR_DOMAIN_SHUTOFF:
		return "shutoff";
	case VIR_DOMAIN_CRASHED:
		return "crashed";
	case VIR_DOMAIN_PMSUSPENDED:
		return "suspended";
	default:
		return "unknown";
	}
}

int virtdomain_error(void)
{
	return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? -ENOENT : -EIO;
}

int virtdomain_read(virDomainPtr dom, struct owner_vm *ret)
{
	struct owner_vm vm = { 0 };
	uint64_t began = mono_ns();
	char *xml;
	int state = VIR_DOMAIN_NOSTATE, reason = 0, r;

	if (virDomainGetState(dom, &state, &reason, 0) < 0)
		return virtdomain_error();
	xml = virDomainGetXMLDesc(dom, 0);
	if (!xml)
		return virtdomain_error();
	r = domxml_parse(xml, &vm);
	free(xml);
	if (r < 0)
		return r;
	vm.at_ns = began;
	snprintf(vm.state, sizeof(vm.state), "%s", state_name(state, reason));
	*ret = vm;
	return 0;
}
