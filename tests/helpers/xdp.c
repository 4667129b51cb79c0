/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xdp - hangs a program of two or four instructions on a device, in the driver (native), until it
 * is killed:
 *
 *   xdp DEV pass|drop|abort|back   the answer to every frame
 *   xdp DEV redirect TO            every frame into the device TO
 *
 * Says READY. */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static void fail(const char *what)
{
	fprintf(stderr, "xdp: %s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned int ifindex(const char *name)
{
	unsigned int i = if_nametoindex(name);

	if (!i)
		fail(name);
	return i;
}

#define MOV(reg, value)                              \
	((struct bpf_insn){                          \
		.code = BPF_ALU64 | BPF_MOV | BPF_K, \
		.dst_reg = (reg),                    \
		.imm = (value),                      \
	})
#define EXIT ((struct bpf_insn){ .code = BPF_JMP | BPF_EXIT })
#define CALL(func) ((struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = (func) })

static int load(const struct bpf_insn *insns, unsigned int n)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insn_cnt = n,
		.insns = (uintptr_t)insns,
		.license = (uintptr_t) "GPL",
	};
	long fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		fail("loading");
	return (int)fd;
}

static int program(int argc, char **argv)
{
	static const struct {
		const char *name;
		int act;
	} answers[] = { { "pass", XDP_PASS },
			{ "drop", XDP_DROP },
			{ "abort", XDP_ABORTED },
			{ "back", XDP_TX } };

	if (argc == 4 && !strcmp(argv[2], "redirect"))
		return load((struct bpf_insn[]){ MOV(BPF_REG_1, (int)ifindex(argv[3])),
						 MOV(BPF_REG_2, 0), CALL(BPF_FUNC_redirect), EXIT },
			    4);
	for (size_t i = 0; argc == 3 && i < sizeof(answers) / sizeof(answers[0]); i++)
		if (!strcmp(answers[i].name, argv[2]))
			return load((struct bpf_insn[]){ MOV(BPF_REG_0, answers[i].act), EXIT }, 2);
	fputs("usage: xdp DEV pass|drop|abort|redirect TO\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	union bpf_attr attr = { 0 };

	if (argc < 3)
		return 2;
	/* up to 5.10 programs count against it */
	setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
	attr.link_create.prog_fd = (unsigned int)program(argc, argv);
	attr.link_create.target_ifindex = ifindex(argv[1]);
	attr.link_create.attach_type = BPF_XDP;
	attr.link_create.flags = XDP_FLAGS_DRV_MODE;
	if (bpf(BPF_LINK_CREATE, &attr) < 0)
		fail("attaching");
	puts("READY");
	fflush(stdout);
	pause();	/* the link goes with the process */
	return 0;
}
