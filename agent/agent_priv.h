/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent_priv - what the files of the agent share: what it is made of, and what happens in it while
 * it runs (agent.c); how it is put together and taken apart is agent_open.c. */
#ifndef TAPLOSS_AGENT_AGENT_PRIV_H
#define TAPLOSS_AGENT_AGENT_PRIV_H

#include "agent.h"
#include "loop.h"
#include "agent/tick/aux_programs.h"
#include "agent/tick/sampler.h"
#include "schedule.h"
#include "agent/owners/virt.h"
#include "agent/owners/vmm.h"

/* One libvirt URI and its newest list. */
struct uri {
	struct agent *agent;
	struct virt *virt;
	struct owner_list *list;
	char name[160];			/* of the source: libvirt:URI */
	unsigned int index;		/* in resolve_owner_lists::virt */
	/* the state that was last logged and stored */
	uint64_t reported_ns;
	char reported[12];
};

struct agent {
	struct config config;
	const char *config_file;
	struct loop *loop;
	struct source *source;
	struct store *store;
	struct links *links;
	struct tapmap *taps;
	struct sampler *sampler;
	struct extra_counters *extra;
	struct ring_occupancy *rings;
	struct pressure *pressure;
	struct schedule *schedule;
	struct aux_programs aux;
	struct vmm *vmm;
	struct owner_list *proc_list;
	struct uri uris[CONFIG_MAX_URIS];
	unsigned int n_uris;
	struct resolve_owner_lists lists;
	int timer;
	bool failing;			/* the last tick could not be stored; logged once */
	bool fresh_pins;		/* the counters were pinned by us, just now */
	uint64_t failing_since_ns;
	bool died;			/* a device vanished in the events at hand */
};

/* 0 also when the store cannot take it now; an error only when trying again is no use. @all: store
 * small change, too. */
int agent_tick(struct agent *a, bool all);
void agent_report_source(struct agent *a, const char *name, const char *state, const char *why);
int agent_dump_links(struct agent *a);

/* The loop's. */
int agent_on_links(void *arg);
int agent_on_virt(void *arg);		/* a struct uri */
int agent_on_vmm(void *arg);
int agent_on_source(void *arg);
int agent_on_timer(uint64_t expirations, void *arg);
int agent_on_signal(int signo, void *arg);

#endif
