/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "aux_programs.h"

#include <stdio.h>
#include <sys/stat.h>

#include "collector/clock.h"
#include "collector/loss/xdp.h"
#include "collector/kernel/kernel_version.h"
#include "agent/log.h"

static void report(const struct aux_programs *p, const char *name, const char *state,
		   const char *why)
{
	if (store_source(p->store, name, state, why, utc_ns()) < 0)
		log_debug("source %s is %s, not stored", name, state);
}

/* The first pid namespace has a number of its own (PROC_PID_INIT_INO). */
static bool own_pids(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != 0xeffffffc;
}

static void note(char ret[static LIMITATIONS_WHY], const char *why)
{
	snprintf(ret, LIMITATIONS_WHY, "%s", why);
}

static void start_xdp(struct aux_programs *p, struct ksyms *syms, bool wanted)
{
	char why[256] = "[bpf] xdp = no";

	if (!wanted)
		loss_xdp_detach(p->loss);
	p->facts.xdp = wanted && loss_xdp_attach(p->loss, syms, why) >= 0;
	if (p->facts.xdp)
		report(p, "bpf-xdp", "ok",
		    syms ? ""
			 : "XDP programs that fail are not counted: kernel functions have no "
			   "names");
	else
		report(p, "bpf-xdp", wanted ? "failed" : "off", why);
	note(p->facts.xdp_why, why);
}

void aux_programs_init(struct aux_programs *p, struct ksyms *syms, bool xdp)
{
	if (!p->loss)
		return;
	p->facts.kernel = kernel_version_running();
	p->facts.reasons = loss_has_reasons(p->loss);
	p->facts.refusals = loss_says_refused(p->loss);
	p->facts.functions = syms != NULL;
	p->facts.own_pids = own_pids();
	p->facts.context_mode = p->context;
	start_xdp(p, syms, xdp);
}

static void tick_sockets(struct aux_programs *p)
{
	char why[256];

	p->facts.sockets = loss_sockets_known(p->loss, why);
	note(p->facts.sockets_why, why);
	report(p, "bpf-sockets", p->facts.sockets ? "ok" : "failed", why);
}

static void tick_context(struct aux_programs *p)
{
	uint64_t stats[TL_STAT_MAX];
	char why[256], text[400];

	if (loss_stats(p->loss, stats) < 0)
		return;
	p->facts.context =
		loss_context(p->loss, p->context, stats[TL_STAT_NAMELESS_FRAMES], mono_ns(), why);
	note(p->facts.context_why, why);
	switch (p->facts.context) {
	case LOSS_CONTEXT_IDLE:
		if (p->context == LOSS_CONTEXT_OFF)
			report(p, "bpf-context", "off",
			    "by configuration: what a vhost worker loses unnamed is its VM's");
		else
			report(p, "bpf-context", "ok",
			    "not attached: no vhost worker loses frames that name no device");
		break;
	case LOSS_CONTEXT_FENTRY:
		report(p, "bpf-context", "ok",
		    "attached by fentry: what vhost workers lose is counted for device and queue");
		break;
	case LOSS_CONTEXT_KPROBE:
		report(p, "bpf-context", "ok",
		    "attached by kprobe: what vhost workers lose is counted for device and queue");
		break;
	case LOSS_CONTEXT_REFUSED:
		snprintf(text, sizeof(text), "what a vhost worker loses unnamed is its VM's: %s",
			 why);
		report(p, "bpf-context", "failed", text);
		break;
	}
}

/* What cannot be shown follows from all of that. */
static void tick_limitations(struct aux_programs *p)
{
	struct limitation_row rows[LIMITATIONS_MAX];

	note(p->facts.frame_errors_why, extra_counters_why(p->extra));
	note(p->facts.rings_why, ring_occupancy_why(p->rings));
	if (limitations_same(&p->facts, &p->stored))
		return;
	if (store_limitations(p->store, rows, limitations_list(&p->facts, rows)) >= 0)
		p->stored = p->facts;
}

void aux_programs_tick(struct aux_programs *p)
{
	if (!p->loss)
		return;
	tick_sockets(p);
	tick_context(p);
	tick_limitations(p);
}
