/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ksym - kernel addresses to functions, from /proc/kallsyms or, where that hides the addresses,
 * from a BPF iterator (ksym_iter.h).
 *
 * Only text symbols are kept. Reading takes 60-100 ms, so the table is read once, and again when a
 * module's address is asked for and other modules are loaded than before. */
#ifndef TAPLOSS_COLLECTOR_KERNEL_KSYM_H
#define TAPLOSS_COLLECTOR_KERNEL_KSYM_H

#include <stdint.h>

struct ksyms;

struct ksym {
	/* without compiler suffixes (.isra.0, .cold); "0xffff..." when unknown */
	char function[128];
	char module[64];	/* "" for the kernel itself */
	uint64_t offset;
};

/* -EPERM: addresses are hidden (kptr_restrict, no CAP_SYSLOG), and no BPF iterator can be had. */
int ksyms_new(struct ksyms **ret);
struct ksyms *ksyms_free(struct ksyms *k);

/* Which function holds the return address @addr? Always fills *ret; -ENOENT: unknown, @ret says the
 * number.
 * @k may be NULL. */
int ksym_find(struct ksyms *k, uint64_t addr, struct ksym *ret);

/* The name of a place as tl_loss_key.location holds it: an address, or one of those places of enum
 * tl_place that stand for a function. A discipline's frames are freed in the same place whoever is
 * to blame. Valid as long as @buf. */
const char *ksym_site(struct ksyms *k, uint64_t location, struct ksym *buf);

/* Where the function called @name begins, and the symbol after it; the kernel's own before a
 * module's. -ENOENT. @k may be NULL. */
int ksym_range(const struct ksyms *k, const char *name, uint64_t *ret_from, uint64_t *ret_to);

#endif
