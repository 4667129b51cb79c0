/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "privilege.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/capability.h>

#include "collector/base.h"

#define BIT(cap) (UINT64_C(1) << (cap))

static const struct {
	const char *name;
	unsigned int cap;
	uint64_t instead;	/* one that serves as well; 0: none */
	const char *cost;
} needs[] = {
	{ "CAP_BPF", CAP_BPF, BIT(CAP_SYS_ADMIN),
	  "the kernel does not count for it; losses are those that the drop monitor or the "
	  "devices tell" },
	{ "CAP_PERFMON", CAP_PERFMON, BIT(CAP_SYS_ADMIN),
	  "the kernel does not count for it; losses are those that the drop monitor or the "
	  "devices tell" },
	{ "CAP_SYS_ADMIN", CAP_SYS_ADMIN, 0,
	  "taps in other network namespaces are not seen, the drop monitor cannot be used, and "
	  "with libbpf before 1.3 the queues of macvtap are not known" },
	{ "CAP_SYS_PTRACE", CAP_SYS_PTRACE, 0,
	  "which process holds a tap is not seen; VMs are those that libvirt tells" },
	{ "CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH, 0,
	  "which tap a process of another user holds is not seen; VMs are those that libvirt "
	  "tells" },
	{ "CAP_NET_ADMIN", CAP_NET_ADMIN, 0,
	  "the drop monitor cannot be used where BPF cannot count" },
};

uint64_t privilege_now(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return UINT64_MAX;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

unsigned int privilege_missing(uint64_t have, char ret[static PRIVILEGE_TEXT])
{
	unsigned int n = 0;
	size_t used = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		bool served = have & needs[i].instead;

		if (have & BIT(needs[i].cap))
			continue;
		n += !served;
		used += (size_t)snprintf(
			ret + used, PRIVILEGE_TEXT - used, "%sno %s: %s", used ? "; " : "",
			needs[i].name, served ? "CAP_SYS_ADMIN serves as well" : needs[i].cost);
		if (used >= PRIVILEGE_TEXT)
			break;
	}
	return n;
}
