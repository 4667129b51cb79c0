/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bpf_oneshot.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int no_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

void bpf_oneshot_quiet(void)
{
	libbpf_set_print(no_print);
}

uint64_t bpf_oneshot_missed(const struct bpf_program *prog)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) == 0
		       ? info.recursion_misses
		       : 0;
}

int bpf_oneshot_report(int error, const char *what, char why[static 256])
{
	if (error == -EPERM || error == -EACCES) {
		snprintf(why, 256,
			 "%s needs CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN; run taplossctl as root",
			 what);
		return -EPERM;
	}
	if (error == -ENOENT)
		snprintf(why, 256,
			 "this kernel shows no type information (/sys/kernel/btf/vmlinux); it "
			 "needs CONFIG_DEBUG_INFO_BTF");
	else
		snprintf(why, 256, "%s: the program cannot be loaded: %s", what, strerror(-error));
	return error;
}
