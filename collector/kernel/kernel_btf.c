/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel_btf.h"

#include <bpf/btf.h>
#include <errno.h>

/* of qdisc_drop: the tracepoint's own data, discipline, queue, device, frame, reason */
#define QDISC_DROP_ARGUMENTS 6

/* The function type behind a tracepoint's typedef, or NULL. */
static const struct btf_type *tracepoint(const struct btf *vmlinux, const char *name)
{
	int id = btf__find_by_name_kind(vmlinux, name, BTF_KIND_TYPEDEF);
	const struct btf_type *t = id > 0 ? btf__type_by_id(vmlinux, (uint32_t)id) : NULL;

	while (t && (btf_is_typedef(t) || btf_is_ptr(t)))
		t = btf__type_by_id(vmlinux, t->type);
	return t;
}

/* How many arguments has the tracepoint? Two (and no reason) before 5.17, three, or four from 6.11
 * on. The tracepoint's own data comes first. */
int kernel_btf_reasons(const struct btf *vmlinux)
{
	const struct btf_type *t = tracepoint(vmlinux, "btf_trace_kfree_skb");

	if (!t)
		return -EOPNOTSUPP;
	return btf_is_func_proto(t) && btf_vlen(t) >= 4;
}

bool kernel_btf_qdisc_drop(const struct btf *vmlinux)
{
	const struct btf_type *t = tracepoint(vmlinux, "btf_trace_qdisc_drop");

	return t && btf_is_func_proto(t) && btf_vlen(t) == QDISC_DROP_ARGUMENTS;
}

/* Where the fields of tun_file and tap_queue begin that are their own: behind a struct sock,
 * rounded up to a cache line, and a struct socket. For kernels that do not show the types of their
 * modules (bpf/tun_sock.h). */
uint32_t kernel_btf_own_fields(const struct btf *vmlinux)
{
	int sock = btf__find_by_name_kind(vmlinux, "sock", BTF_KIND_STRUCT);
	int socket = btf__find_by_name_kind(vmlinux, "socket", BTF_KIND_STRUCT);

	if (sock <= 0 || socket <= 0)
		return 0;
	return (btf__type_by_id(vmlinux, (uint32_t)sock)->size + 63) / 64 * 64 +
	       btf__type_by_id(vmlinux, (uint32_t)socket)->size;
}
