/* SPDX-License-Identifier: GPL-2.0 */
/* ksym - the kernel's functions as lines of /proc/kallsyms, for those who may load BPF programs but
 * see no addresses there (kptr_restrict, no CAP_SYSLOG, ProtectKernelTunables=). Since Linux 6.0
 * (647cafa22349). */
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct kallsym_iter {
	unsigned long value;
	char type;
	char name[128];		/* longer since 6.1 */
	char module_name[56];
};

struct bpf_iter__ksym {
	struct bpf_iter_meta *meta;
	struct kallsym_iter *ksym;
};

#pragma clang attribute pop

char LICENSE[] SEC("license") = "GPL";

SEC("iter/ksym")
int print_function(struct bpf_iter__ksym *ctx)
{
	struct kallsym_iter *ksym = ctx->ksym;
	char type;

	if (!ksym)
		return 0;
	type = ksym->type;
	if (type != 't' && type != 'T' && type != 'w' && type != 'W')
		return 0;
	if (ksym->module_name[0])
		BPF_SEQ_PRINTF(ctx->meta->seq, "%lx %c %s\t[%s]\n", ksym->value, type, ksym->name,
			       ksym->module_name);
	else
		BPF_SEQ_PRINTF(ctx->meta->seq, "%lx %c %s\n", ksym->value, type, ksym->name);
	return 0;
}
