/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens while the agent runs: ticks, links, owners, time and signals. */
#include "agent_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/clock.h"
#include "log.h"
#include "notify.h"

/* how often the age of a stale source is written down */
#define STALE_SAY_NS (10 * NSEC_PER_SEC)

/* Errors of the store: reported when they begin and when they end, retried in between. */

static void tick_failed(struct agent *a, int error)
{
	if (a->failing)
		return;
	a->failing = true;
	a->failing_since_ns = mono_ns();
	log_error(
		"cannot store loss: %s (%s); the kernel keeps counting; retrying every %u ms",
		strerror(-error), store_error(a->store), a->config.interval_ms);
}

static void tick_works(struct agent *a)
{
	if (!a->failing)
		return;
	a->failing = false;
	log_notice("storing again after %.1f s; nothing was lost",
		   (double)(mono_ns() - a->failing_since_ns) / (double)NSEC_PER_SEC);
}

static bool can_wait(int error)
{
	return error == -ENOSPC || error == -EIO || error == -EBUSY || error == -EAGAIN ||
	       error == -EROFS || error == -EDQUOT || error == -EACCES;
}

int agent_tick(struct agent *a, bool all)
{
	int r = sampler_tick(a->sampler, all);

	if (r < 0 && !can_wait(r)) {
		log_error("stopping: the store failed: %s (%s)", strerror(-r),
			  store_error(a->store));
		if (r == -EUCLEAN && strstr(store_error(a->store), "/timeline-") &&
		    store_day_set_aside(a->store) >= 0)
			log_error("%s; the next start goes on", store_set_aside(a->store));
		return r;
	}
	if (r < 0)
		tick_failed(a, r);
	else
		tick_works(a);
	return 0;
}

void agent_report_source(struct agent *a, const char *name, const char *state, const char *why)
{
	if (store_source(a->store, name, state, why, utc_ns()) < 0)
		log_debug("source %s is %s, not stored", name, state);
}

/* Links. */

static void on_link(const struct link_info *info, bool gone, void *arg)
{
	struct agent *a = arg;

	if (!gone && tapmap_unexpired(a->taps, info->netns, info->ifindex))
		/* the pair is used again: what was lost so far is the dead tap's */
		agent_tick(a, false);
	if (tapmap_link(a->taps, info, gone, utc_ns()) > 0 && a->vmm)
		vmm_kick(a->vmm);
	a->died |= gone;
}

int agent_dump_links(struct agent *a)
{
	uint64_t mark = utc_ns();
	int r = links_dump(a->links, on_link, a);

	if (r < 0)
		return r;
	tapmap_prune(a->taps, a->lists.own_netns, mark, utc_ns());
	return 0;
}

int agent_on_links(void *arg)
{
	struct agent *a = arg;
	int r = links_dispatch(a->links, on_link, a);

	if (r == -ENOBUFS)
		r = agent_dump_links(a);
	if (r < 0)
		log_warning("link events: %s", strerror(-r));
	if (!a->died)
		return 0;
	a->died = false;
	if (a->vmm)
		vmm_kick(a->vmm);
	return agent_tick(a, false);
}

/* Taps in the namespaces of their VMs: found through the processes that hold them. */
static void dump_foreign(struct agent *a)
{
	for (unsigned int i = 0; a->proc_list && i < a->proc_list->n_vms; i++) {
		const struct owner_vm *vm = &a->proc_list->vms[i];
		uint32_t netns = vm->netns;
		uint64_t mark = utc_ns();

		if (!netns || netns == a->lists.own_netns)
			continue;
		if (links_dump_netns(a->links, vm->pid, &netns, on_link, a) == 0)
			tapmap_prune(a->taps, netns, mark, utc_ns());
	}
}

/* Owners. */

static int owners_changed(struct agent *a)
{
	int r = 0;

	a->lists.complete = !a->vmm || a->proc_list;
	for (unsigned int i = 0; i < a->n_uris; i++)
		a->lists.complete &= a->uris[i].list != NULL;
	if (tapmap_owners(a->taps, &a->lists))
		r = agent_tick(a, false);
	if (r < 0)
		return r;
	r = tapmap_reconcile(a->taps, &a->lists, utc_ns());
	if (r < 0 && !can_wait(r))
		return r;
	return 0;
}

/* The lists may be looked at until owners_changed() has been told of the new ones. */
int agent_on_virt(void *arg)
{
	struct uri *u = arg;
	struct owner_list *new = virt_take(u->virt), *old = u->list;
	int r;

	if (!new)
		return 0;
	u->list = new;
	u->agent->lists.virt[u->index] = new;
	r = owners_changed(u->agent);
	owner_list_free(old);
	return r;
}

int agent_on_vmm(void *arg)
{
	struct agent *a = arg;
	struct owner_list *new = vmm_take(a->vmm), *old = a->proc_list;
	int r;

	if (!new)
		return 0;
	a->proc_list = new;
	a->lists.proc = new;
	dump_foreign(a);
	r = owners_changed(a);
	owner_list_free(old);
	return r;
}

static void report_virt(struct agent *a, struct uri *u)
{
	struct source_state st;
	uint64_t now = mono_ns();

	virt_state(u->virt, &st);
	if (!strcmp(st.state, u->reported) &&
	    (now - u->reported_ns < STALE_SAY_NS || !strcmp(st.state, "ok")))
		return;
	if (strcmp(st.state, u->reported) != 0)
		log_notice("libvirt %s: %s%s%s", virt_uri(u->virt), st.state, st.why[0] ? ": " : "",
			   st.why);
	snprintf(u->reported, sizeof(u->reported), "%s", st.state);
	u->reported_ns = now;
	agent_report_source(a, u->name, st.state, st.why);
}

static void report_sources(struct agent *a)
{
	struct source_state st;

	for (unsigned int i = 0; i < a->n_uris; i++)
		report_virt(a, &a->uris[i]);
	if (a->vmm) {
		vmm_state(a->vmm, &st);
		agent_report_source(a, "proc", st.state, st.why);
	}
	aux_programs_tick(&a->aux);
}

int agent_on_source(void *arg)
{
	struct agent *a = arg;
	int r = source_dispatch(a->source);

	if (r < 0)
		log_warning("%s: %s", a->source->ops->name, strerror(-r));
	return 0;
}

/* Time and signals. */

int agent_on_timer(uint64_t expirations, void *arg)
{
	struct agent *a = arg;
	int r;

	if (expirations > 1)
		sampler_late(a->sampler, expirations - 1);
	r = agent_tick(a, false);
	if (r < 0)
		return r;
	if (a->vmm && (tapmap_orphans(a->taps) || tapmap_let_go(a->taps)))
		vmm_kick(a->vmm);
	report_sources(a);
	schedule_tick(a->schedule);
	notify("WATCHDOG=1");
	return 0;
}

static void reload(struct agent *a)
{
	struct config next = a->config;
	char why[CONFIG_WHY];

	notify("RELOADING=1");
	if (!a->config_file || config_read(a->config_file, &next, why) < 0) {
		log_error("configuration not changed: %s",
			  a->config_file ? why : "no configuration file is in use");
	} else {
		a->config.interval_ms = next.interval_ms;
		a->config.log_level = next.log_level;
		log_set_level(next.log_level);
		loop_set_timer(a->timer, next.interval_ms * NSEC_PER_MSEC);
		store_run_interval(a->store, next.interval_ms * NSEC_PER_MSEC, utc_ns());
		log_notice("configuration reloaded: interval %u ms (other keys take effect after a "
			   "restart)",
			   next.interval_ms);
	}
	notify("READY=1");
}

int agent_on_signal(int signo, void *arg)
{
	struct agent *a = arg;

	if (signo == SIGHUP) {
		reload(a);
		return 0;
	}
	notify("STOPPING=1");
	loop_quit(a->loop);
	return 0;
}
