/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virt.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

#include "collector/clock.h"
#include "mailbox.h"
#include "virt_domain.h"
#include "virt_events.h"

#define PING_NS (2 * NSEC_PER_SEC)		/* an idle connection is asked for a sign of life */
#define PATIENCE_NS (5 * NSEC_PER_SEC)		/* a call that takes longer is said */
#define BACKOFF_MIN_NS NSEC_PER_SEC
#define BACKOFF_MAX_NS (30 * NSEC_PER_SEC)
#define MAX_DIRTY 64

/* Shared by the loop, the worker, and libvirt's event thread; whoever lets go last frees it. */
struct virt {
	struct mailbox box;
	char *uri;
	uint64_t resync_ns;
	pthread_cond_t wake;		/* with box.lock: something below changed */

	/* under box.lock */
	unsigned int refs;
	bool quit, ended;
	bool closed;			/* libvirt says that the connection is gone */
	bool listed;			/* a list was handed over before */
	uint64_t busy_ns;		/* since when a call is under way; 0: none is */
	char dirty[MAX_DIRTY][VIR_UUID_STRING_BUFLEN];
	unsigned int n_dirty;		/* over MAX_DIRTY: everything */

	/* the worker's */
	virConnectPtr conn;
	struct owner_list known;
	int callbacks[3];
};

static void unref(struct virt *v)
{
	bool last;

	pthread_mutex_lock(&v->box.lock);
	last = --v->refs == 0;
	pthread_mutex_unlock(&v->box.lock);
	if (!last)
		return;
	for (unsigned int i = 0; i < v->known.n_vms; i++)
		owner_vm_free(&v->known.vms[i]);
	free(v->known.vms);
	pthread_cond_destroy(&v->wake);
	mailbox_clear(&v->box);
	free(v->uri);
	free(v);
}

static void on_unref(void *arg)
{
	unref(arg);
}

static struct virt *ref(struct virt *v)
{
	pthread_mutex_lock(&v->box.lock);
	v->refs++;
	pthread_mutex_unlock(&v->box.lock);
	return v;
}

/* Called by libvirt's event thread: only notes are taken here; every call is the workers'. */

static void mark(struct virt *v, virDomainPtr dom)
{
	pthread_mutex_lock(&v->box.lock);
	if (v->n_dirty < MAX_DIRTY)
		/* no call: the object knows it */
		virDomainGetUUIDString(dom, v->dirty[v->n_dirty]);
	if (v->n_dirty <= MAX_DIRTY)
		v->n_dirty++;
	pthread_cond_signal(&v->wake);
	pthread_mutex_unlock(&v->box.lock);
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *arg)
{
	(void)conn;
	(void)event;
	(void)detail;
	mark(arg, dom);
	return 0;
}

static void on_device(virConnectPtr conn, virDomainPtr dom, const char *alias, void *arg)
{
	(void)conn;
	(void)alias;
	mark(arg, dom);
}

static void on_close(virConnectPtr conn, int reason, void *arg)
{
	struct virt *v = arg;

	(void)conn;
	(void)reason;
	pthread_mutex_lock(&v->box.lock);
	v->closed = true;
	pthread_cond_signal(&v->wake);
	pthread_mutex_unlock(&v->box.lock);
}

/* The worker. Every call to libvirt stands between enter() and leave(), so that others can see how
 * long it takes. */

static void enter(struct virt *v)
{
	pthread_mutex_lock(&v->box.lock);
	v->busy_ns = mono_ns();
	pthread_mutex_unlock(&v->box.lock);
}

static void leave(struct virt *v)
{
	pthread_mutex_lock(&v->box.lock);
	v->busy_ns = 0;
	pthread_mutex_unlock(&v->box.lock);
}

/* Until @ns at the latest; true when something came to do before. */
static bool idle_until(struct virt *v, uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / NSEC_PER_SEC),
		.tv_nsec = (long)(ns % NSEC_PER_SEC),
	};
	bool something;

	pthread_mutex_lock(&v->box.lock);
	while (!v->quit && !v->closed && !v->n_dirty &&
	       pthread_cond_timedwait(&v->wake, &v->box.lock, &ts) != ETIMEDOUT)
		;
	something = v->quit || v->closed || v->n_dirty;
	pthread_mutex_unlock(&v->box.lock);
	return something;
}

static bool has_quit(struct virt *v)
{
	bool quit;

	pthread_mutex_lock(&v->box.lock);
	quit = v->quit;
	pthread_mutex_unlock(&v->box.lock);
	return quit;
}

static void forget(struct virt *v, const char *uuid)
{
	for (unsigned int i = 0; i < v->known.n_vms; i++) {
		if (strcmp(v->known.vms[i].uuid, uuid) != 0)
			continue;
		owner_vm_free(&v->known.vms[i]);
		v->known.vms[i] = v->known.vms[--v->known.n_vms];
		return;
	}
}

static int remember(struct virt *v, virDomainPtr dom)
{
	struct owner_vm vm;
	int r = virtdomain_read(dom, &vm);

	if (r < 0)
		/* it went meanwhile, or is none that we understand */
		return r == -ENOENT || r == -EINVAL ? 0 : r;
	forget(v, vm.uuid);
	r = owner_list_add(&v->known, &vm);
	if (r < 0)
		owner_vm_free(&vm);
	return r;
}

static int publish(struct virt *v)
{
	struct owner_list *copy = calloc(1, sizeof(*copy));
	int r = copy ? 0 : -ENOMEM;

	for (unsigned int i = 0; r >= 0 && i < v->known.n_vms; i++) {
		struct owner_vm vm;

		r = owner_vm_copy(&v->known.vms[i], &vm);
		if (r >= 0)
			r = owner_list_add(copy, &vm);
	}
	if (r < 0) {
		owner_list_free(copy);
		return r;
	}
	mailbox_put(&v->box, copy);
	pthread_mutex_lock(&v->box.lock);
	v->listed = true;
	pthread_mutex_unlock(&v->box.lock);
	return 0;
}

static int list_all(struct virt *v)
{
	virDomainPtr *doms = NULL;
	int n, r = 0;

	enter(v);
	n = virConnectListAllDomains(v->conn, &doms, 0);
	if (n >= 0)
		while (v->known.n_vms)
			owner_vm_free(&v->known.vms[--v->known.n_vms]);
	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = remember(v, doms[i]);
		virDomainFree(doms[i]);
	}
	free(doms);
	leave(v);
	return n < 0 ? -EIO : r < 0 ? r : publish(v);
}

static int refresh(struct virt *v, const char *uuid)
{
	virDomainPtr dom;
	int r;

	enter(v);
	dom = virDomainLookupByUUIDString(v->conn, uuid);
	r = dom ? 0 : virtdomain_error();
	if (dom || r == -ENOENT)
		forget(v, uuid);
	if (dom) {
		r = remember(v, dom);
		virDomainFree(dom);
	}
	leave(v);
	return r == -ENOENT ? 0 : r;
}

static int refresh_dirty(struct virt *v)
{
	char dirty[MAX_DIRTY][VIR_UUID_STRING_BUFLEN];
	unsigned int n;
	int r = 0;

	pthread_mutex_lock(&v->box.lock);
	n = v->n_dirty;
	memcpy(dirty, v->dirty, sizeof(dirty));
	v->n_dirty = 0;
	pthread_mutex_unlock(&v->box.lock);
	if (!n)
		return 0;
	if (n > MAX_DIRTY)
		return list_all(v);
	for (unsigned int i = 0; i < n && r >= 0; i++)
		r = refresh(v, dirty[i]);
	return r < 0 ? r : publish(v);
}

static int ping(struct virt *v)
{
	unsigned long version;
	int r;

	enter(v);
	r = virConnectGetLibVersion(v->conn, &version);
	leave(v);
	if (r < 0)
		return -EIO;
	mailbox_report(&v->box, "ok", NULL);
	return 0;
}

static void subscribe(struct virt *v)
{
	v->callbacks[0] =
		virConnectDomainEventRegisterAny(v->conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
						 VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), ref(v),
						 on_unref);
	v->callbacks[1] =
		virConnectDomainEventRegisterAny(v->conn, NULL, VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
						 VIR_DOMAIN_EVENT_CALLBACK(on_device), ref(v),
						 on_unref);
	v->callbacks[2] =
		virConnectDomainEventRegisterAny(v->conn, NULL, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
						 VIR_DOMAIN_EVENT_CALLBACK(on_device), ref(v),
						 on_unref);
	for (size_t i = 0; i < ARRAY_SIZE(v->callbacks); i++)
		if (v->callbacks[i] < 0)
			unref(v);	/* a hypervisor without that event; resync serves */
	if (virConnectRegisterCloseCallback(v->conn, on_close, ref(v), on_unref) < 0)
		unref(v);
	virConnectSetKeepAlive(v->conn, 5, 3);
}

static int connect_to(struct virt *v)
{
	const virError *error;

	enter(v);
	v->conn = virConnectOpenReadOnly(v->uri);
	if (v->conn)
		subscribe(v);
	leave(v);
	if (v->conn)
		return 0;
	error = virGetLastError();
	mailbox_report(&v->box, "failed", "%.200s; trying again",
		       error && error->message ? error->message : "cannot connect");
	return -EIO;
}

static void disconnect(struct virt *v)
{
	enter(v);
	for (size_t i = 0; i < ARRAY_SIZE(v->callbacks); i++)
		if (v->callbacks[i] >= 0)
			virConnectDomainEventDeregisterAny(v->conn, v->callbacks[i]);
	virConnectUnregisterCloseCallback(v->conn, on_close);
	virConnectClose(v->conn);
	leave(v);
	v->conn = NULL;
}

/* One connection, from the first list to its end. */
static void serve(struct virt *v)
{
	uint64_t next = mono_ns() + v->resync_ns;
	bool closed = false;
	int r = list_all(v);

	while (r >= 0 && !closed && !has_quit(v)) {
		bool something = idle_until(v, mono_ns() + PING_NS);

		pthread_mutex_lock(&v->box.lock);
		closed = v->closed;
		pthread_mutex_unlock(&v->box.lock);
		if (closed)
			break;
		if (mono_ns() >= next) {
			r = list_all(v);
			next = mono_ns() + v->resync_ns;
		} else {
			r = something ? refresh_dirty(v) : ping(v);
		}
	}
	if (!has_quit(v))
		mailbox_report(&v->box, "failed",
			       "the connection to %.150s broke; connecting again", v->uri);
	disconnect(v);
	pthread_mutex_lock(&v->box.lock);
	v->closed = false;
	v->n_dirty = 0;
	pthread_mutex_unlock(&v->box.lock);
}

static void *run(void *arg)
{
	struct virt *v = arg;
	uint64_t backoff = BACKOFF_MIN_NS;

	while (!has_quit(v)) {
		if (connect_to(v) == 0) {
			serve(v);
			backoff = BACKOFF_MIN_NS;
		}
		idle_until(v, mono_ns() + backoff);
		backoff = backoff * 2 > BACKOFF_MAX_NS ? BACKOFF_MAX_NS : backoff * 2;
	}
	pthread_mutex_lock(&v->box.lock);
	v->ended = true;
	pthread_cond_broadcast(&v->wake);
	pthread_mutex_unlock(&v->box.lock);
	unref(v);
	return NULL;
}

int virt_start(const char *uri, unsigned int resync_ms, struct virt **ret)
{
	struct virt *v = calloc(1, sizeof(*v));
	pthread_condattr_t attr;
	pthread_t thread;
	int events, r;

	events = virtevents_start();
	if (!v)
		return -ENOMEM;
	v->refs = 2;	/* the caller's and the worker's */
	v->resync_ns = resync_ms * NSEC_PER_MSEC;
	v->uri = strdup(uri);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&v->wake, &attr);
	r = v->uri ? mailbox_init(&v->box) : -ENOMEM;
	if (r >= 0)
		r = events;
	if (r >= 0)
		r = -pthread_create(&thread, NULL, run, v);
	if (r < 0) {
		free(v->uri);
		free(v);
		return r;
	}
	pthread_detach(thread);
	*ret = v;
	return 0;
}

struct virt *virt_stop(struct virt *v)
{
	uint64_t end = mono_ns() + NSEC_PER_SEC;
	struct timespec ts = {
		.tv_sec = (time_t)(end / NSEC_PER_SEC),
		.tv_nsec = (long)(end % NSEC_PER_SEC),
	};

	if (!v)
		return NULL;
	pthread_mutex_lock(&v->box.lock);
	v->quit = true;
	pthread_cond_broadcast(&v->wake);
	while (!v->ended && pthread_cond_timedwait(&v->wake, &v->box.lock, &ts) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&v->box.lock);
	unref(v);
	return NULL;
}

const char *virt_uri(const struct virt *v)
{
	return v->uri;
}

int virt_fd(const struct virt *v)
{
	return v->box.fd;
}

struct owner_list *virt_take(struct virt *v)
{
	return mailbox_take(&v->box);
}

void virt_state(struct virt *v, struct source_state *ret)
{
	uint64_t busy, now = mono_ns();
	bool listed;

	mailbox_state(&v->box, ret);
	pthread_mutex_lock(&v->box.lock);
	busy = v->busy_ns;
	listed = v->listed;
	pthread_mutex_unlock(&v->box.lock);
	if (!busy || now < busy + PATIENCE_NS)
		return;
	snprintf(ret->state, sizeof(ret->state), "%s", listed ? "stale" : "connecting");
	snprintf(ret->why, sizeof(ret->why), "no answer from %.100s for %llu s; %s", v->uri,
		 (unsigned long long)((now - busy) / NSEC_PER_SEC),
		 listed ? "names come from its last list and from /proc"
			: "VMs are found in /proc");
}
