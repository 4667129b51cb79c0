/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pressure.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "collector/alloc.h"
#include "collector/base.h"
#include "collector/clock.h"
#include "agent/owners/kvhost.h"

#define HOT_NS (10 * NSEC_PER_SEC)	/* how long a VM is looked at closely after a loss */
#define COOL_NS (10 * NSEC_PER_SEC)	/* how often the others are */
#define ROW_NS (5 * NSEC_PER_MIN)	/* their rows */
#define THREADS_NS (10 * NSEC_PER_SEC)	/* threads come and go: look for them again */
#define MAX_READS 1500			/* threads in one tick: about 4 ms */
/* of VMs that lose, in one tick: at a second, a day of them is some 120 MB */
#define MAX_ROWS 24

enum role { ROLE_VCPU, ROLE_VHOST, ROLE_EMULATOR, ROLES };

struct thread {
	int pid, tid;		/* pid: the VMM's, or its own when it is the kernel's */
	enum role role;
	bool known;		/* run and wait are set */
	uint64_t run_ns, wait_ns;
};

/* One VMM process. */
struct watched {
	int pid;
	bool vhost;			/* the kernel serves some of its taps */
	int64_t vm_id;
	uint64_t seen_ns, hot_ns, sampled_ns, listed_ns;	/* hot_ns: it lost frames then */
	struct thread *threads;
	unsigned int n_threads;
	struct store_pressure sum;	/* since since_ns, not stored yet */
	uint64_t since_ns;
	bool given;			/* sum is among the rows of this tick */
	UT_hash_handle hh;
};

struct pressure {
	char proc[64];
	struct kvhost *kvhost;
	struct watched *all;
	struct store_pressure *rows;
	unsigned int n_rows, size, reads;
	int after;		/* the process at which the last tick stopped for want of room */
	uint64_t now_ns;
	int error;
};

int pressure_new(const char *proc, struct pressure **ret)
{
	struct pressure *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	snprintf(p->proc, sizeof(p->proc), "%s", proc);
	r = kvhost_new(proc, &p->kvhost);
	if (r < 0)
		pressure_free(p);
	else
		*ret = p;
	return r;
}

static void watched_free(struct pressure *p, struct watched *w)
{
	HASH_DEL(p->all, w);
	free(w->threads);
	free(w);
}

struct pressure *pressure_free(struct pressure *p)
{
	struct watched *w, *tmp;

	if (!p)
		return NULL;
	HASH_ITER(hh, p->all, w, tmp)
		watched_free(p, w);
	kvhost_free(p->kvhost);
	free(p->rows);
	free(p);
	return NULL;
}

static ssize_t read_text(const struct pressure *p, int pid, int tid, const char *name, char *ret,
			 size_t size)
{
	char path[160];
	_cleanup_(close_fdp) int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%d/task/%d/%s", p->proc, pid, tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, ret, size - 1);
	ret[n > 0 ? n : 0] = '\0';
	return n;
}

/* QEMU names its vCPU threads "CPU 0/KVM", "CPU 0/TCG" with debug-threads=on, which libvirt asks
 * for. vhost workers are threads of the VMM from 6.4 on (6e890c5d5021); before, kvhost.h knows
 * them. */
static enum role role_of(const char *comm)
{
	if (!strncmp(comm, "CPU ", 4) || !strncmp(comm, "vcpu", 4) || !strncmp(comm, "fc_vcpu", 7))
		return ROLE_VCPU;
	return strncmp(comm, "vhost-", 6) ? ROLE_EMULATOR : ROLE_VHOST;
}

static const struct thread *find_thread(const struct watched *w, int tid)
{
	for (unsigned int i = 0; i < w->n_threads; i++)
		if (w->threads[i].tid == tid)
			return &w->threads[i];
	return NULL;
}

/* A new list of threads; those that were known keep what they had run. */
struct listing {
	const struct pressure *p;
	const struct watched *w;
	struct thread *threads;
	unsigned int n, workers;
};

static void list_thread(struct listing *l, int pid, int tid)
{
	const struct thread *old = find_thread(l->w, tid);
	struct thread *t;
	char comm[32];

	if (alloc_resize(l->threads, l->n + 1) < 0)
		return;
	t = l->threads;
	if (old)
		t[l->n] = *old;
	else if (read_text(l->p, pid, tid, "comm", comm, sizeof(comm)) > 0)
		t[l->n] = (struct thread){ .pid = pid, .tid = tid, .role = role_of(comm) };
	else
		return;
	l->workers += t[l->n++].role == ROLE_VHOST;
}

static void list_kernel_thread(int tid, void *arg)
{
	list_thread(arg, tid, tid);
}

static void list_threads(struct pressure *p, struct watched *w)
{
	struct listing l = { .p = p, .w = w };
	char path[128];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%d/task", p->proc, w->pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			list_thread(&l, w->pid, (int)strtol(e->d_name, NULL, 10));
	if (d)
		closedir(d);
	if (w->vhost && !l.workers) {
		p->reads += kvhost_look(p->kvhost, MAX_READS, p->now_ns);
		kvhost_each(p->kvhost, w->pid, list_kernel_thread, &l);
	}
	free(w->threads);
	w->threads = l.threads;
	w->n_threads = l.n;
	w->listed_ns = p->now_ns;
}

static void add_up(struct store_pressure *sum, const struct thread *t, uint64_t run, uint64_t wait)
{
	switch (t->role) {
	case ROLE_VCPU:
		sum->vcpu_run_ns += run;
		sum->vcpu_wait_ns += wait;
		break;
	case ROLE_VHOST:
		sum->vhost_run_ns += run;
		sum->vhost_wait_ns += wait;
		break;
	default:
		sum->emulator_run_ns += run;
		sum->emulator_wait_ns += wait;
	}
}

/* "run_ns wait_ns slices" (fs/proc/base.c). */
static void read_thread(struct pressure *p, struct watched *w, struct thread *t)
{
	unsigned long long run, wait;
	char text[96];

	p->reads++;
	if (read_text(p, t->pid, t->tid, "schedstat", text, sizeof(text)) <= 0 ||
	    sscanf(text, "%llu %llu", &run, &wait) != 2) {
		w->listed_ns = 0;	/* it ended: list them anew */
		return;
	}
	if (t->known)
		add_up(&w->sum, t, run - t->run_ns, wait - t->wait_ns);
	t->known = true;
	t->run_ns = run;
	t->wait_ns = wait;
}

static void count_threads(struct watched *w)
{
	unsigned int n[ROLES] = { 0 };

	for (unsigned int i = 0; i < w->n_threads; i++)
		n[w->threads[i].role]++;
	w->sum.vcpus = n[ROLE_VCPU];
	w->sum.vhosts = n[ROLE_VHOST];
}

static void sample(struct pressure *p, struct watched *w)
{
	if (!w->listed_ns || p->now_ns > w->listed_ns + THREADS_NS)
		list_threads(p, w);
	for (unsigned int i = 0; i < w->n_threads; i++)
		read_thread(p, w, &w->threads[i]);
	count_threads(w);
	if (!w->since_ns)
		w->since_ns = p->now_ns;	/* the first look gives nothing to compare with */
	w->sampled_ns = p->now_ns;
}

static int give(struct pressure *p, struct watched *w, uint64_t t_ns)
{
	if (t_ns <= w->since_ns)
		return 0;
	if (alloc_room(p->rows, p->n_rows, p->size) < 0)
		return -ENOMEM;
	w->sum.vm_id = w->vm_id;
	w->sum.t_ns = t_ns;
	w->sum.span_ns = t_ns - w->since_ns;
	p->rows[p->n_rows++] = w->sum;
	w->given = true;
	return 0;
}

static void settle(struct watched *w)
{
	w->since_ns = w->sum.t_ns;
	w->sum = (struct store_pressure){ .vcpus = w->sum.vcpus, .vhosts = w->sum.vhosts };
	w->given = false;
}

/* Whose turn is it? A VM that begins to lose gets a row up to the sample before, and one from
 * there: the quiet time is not mixed in. */
static int look_at(struct pressure *p, struct watched *w)
{
	bool hot = w->hot_ns && p->now_ns < w->hot_ns + HOT_NS, began = w->hot_ns == p->now_ns;
	uint64_t before = w->sampled_ns;
	int r = 0;

	if (!hot && p->now_ns < w->sampled_ns + COOL_NS)
		return 0;
	if (p->reads >= MAX_READS || (hot && p->n_rows >= MAX_ROWS)) {
		p->after = p->after ? p->after : w->pid;
		return 0;
	}
	if (began && before > w->since_ns && w->since_ns &&
	    p->now_ns - w->since_ns > COOL_NS + NSEC_PER_SEC) {
		r = give(p, w, before);
		if (r >= 0 && w->given)
			/* a tick that fails loses this one: it is about a quiet time */
			settle(w);
	}
	sample(p, w);
	if (r >= 0 && (hot || p->now_ns > w->since_ns + ROW_NS))
		r = give(p, w, p->now_ns);
	return r;
}

static void meet(struct tap *t, void *arg)
{
	struct pressure *p = arg;
	struct watched *w;

	if (!t->holder || !t->vm_id || t->gone_ns)
		return;
	HASH_FIND_INT(p->all, &t->holder, w);
	if (w && w->vm_id != t->vm_id) {	/* the process id is another's now */
		watched_free(p, w);
		w = NULL;
	}
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return;
		w->pid = t->holder;
		w->vm_id = t->vm_id;
		HASH_ADD_INT(p->all, pid, w);
	}
	if (!w->vhost && !strcmp(t->stored.backend, "vhost")) {
		w->vhost = true;
		w->listed_ns = 0;
	}
	w->seen_ns = p->now_ns;
	if (!t->counted.lost)
		return;
	w->hot_ns = p->now_ns;
}

int pressure_tick(struct pressure *p, struct tapmap *taps, uint64_t now_ns,
		  const struct store_pressure **ret, unsigned int *n)
{
	struct watched *w, *tmp;
	int first = p->after, r = 0;
	bool reached = !first;

	p->now_ns = now_ns;
	p->n_rows = p->reads = 0;
	p->after = 0;
	tapmap_each(taps, meet, p);
	for (int round = 0; round < 2; round++) {
		/* where the last tick stopped, then from the beginning */
		HASH_ITER(hh, p->all, w, tmp) {
			if (w->seen_ns != now_ns) {
				watched_free(p, w);
				continue;
			}
			reached |= w->pid == first;
			if (reached && r >= 0 && w->sampled_ns != now_ns)
				r = look_at(p, w);
		}
		reached = true;
	}
	*ret = p->rows;
	*n = r < 0 ? 0 : p->n_rows;
	return r;
}

void pressure_stored(struct pressure *p)
{
	for (struct watched *w = p->all; w; w = w->hh.next)
		if (w->given)
			settle(w);
}
