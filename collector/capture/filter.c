/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"

static void pcap_freep(pcap_t **p)
{
	if (*p)
		pcap_close(*p);
}

void filter_clear(struct filter *f)
{
	free(f->code);
	*f = (struct filter){ 0 };
}

static int keep(const struct sock_filter *code, unsigned int length, struct filter *ret)
{
	ret->code = calloc(length, sizeof(*code));
	if (!ret->code)
		return -ENOMEM;
	memcpy(ret->code, code, length * sizeof(*code));
	ret->length = (unsigned short)length;
	return 0;
}

static int keep_all(uint32_t snaplen, struct filter *ret)
{
	const struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, snaplen);

	return keep(&all, 1, ret);
}

int filter_compile(const char *device, const char *text, uint32_t snaplen, struct filter *ret,
		   char why[static 256])
{
	_cleanup_(pcap_freep) pcap_t *p = NULL;
	char error[PCAP_ERRBUF_SIZE] = "";
	struct bpf_program prog;
	int r;

	if (!text || !*text)
		return keep_all(snaplen, ret);
	p = pcap_create(device, error);
	if (!p)
		return -ENOMEM;
	pcap_set_snaplen(p, (int)snaplen);
	/* a live handle: only then does "vlan" look where the kernel keeps the tag */
	r = pcap_activate(p);
	if (r < 0) {
		snprintf(why, 256, "%s: %s", device, pcap_geterr(p));
		return r == PCAP_ERROR_PERM_DENIED ? -EPERM : -EIO;
	}
	if (pcap_compile(p, &prog, text, 1, PCAP_NETMASK_UNKNOWN) < 0) {
		snprintf(why, 256, "%s", pcap_geterr(p));
		return -EINVAL;
	}
	_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter),
		       "the same instructions");
	r = keep((const struct sock_filter *)(const void *)prog.bf_insns, prog.bf_len, ret);
	pcap_freecode(&prog);
	return r;
}
