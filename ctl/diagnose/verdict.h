/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verdict - causes of loss: a table of rules over evidence. Pure.
 *
 * The first rule that fits a piece of evidence names its cause. Confidence: high, when the evidence
 * excludes the nearest other cause; medium, when it speaks for this one; low, when it only does not
 * speak against it. Evidence that no rule fits stays undecided. The verdicts of a window of the
 * store, now or past, and how they changed: diagnosis.h. */
#ifndef TAPLOSS_CTL_DIAGNOSE_VERDICT_H
#define TAPLOSS_CTL_DIAGNOSE_VERDICT_H

#include "evidence.h"

enum confidence { CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH };

struct verdict_rule {
	const char *id, *title;		/* id: for scripts, never changes */
	bool benign;
	/* Fits it? The confidence, or -1. */
	int (*fits)(const struct evidence *e);
	/* what helps: a command (NIC and RING stand for the evidence's own), libvirt XML, a look in
	 * the guest; NULL: nothing */
	const char *host, *xml, *guest;
	const char *reference;
};

struct verdict {
	const struct verdict_rule *rule;	/* never NULL: the last rule fits everything */
	enum confidence confidence;
};

void verdict_of(const struct evidence *e, struct verdict *ret);

/* All rules, in their order; ends with the one that fits everything, "undecided". */
extern const struct verdict_rule verdict_rules[];
extern const unsigned int verdict_n_rules;

/* @text of a rule with @nic (NULL: not known) and @ring in their places. The caller frees it; it
 * aborts without memory. */
char *verdict_fix(const char *text, const char *nic, uint64_t ring);

/* Frames that a ring should have held to bridge what was lost: the shortest power of two times 1000
 * that does. 0: no ring. */
uint64_t verdict_ring(const struct evidence *e);

#endif
