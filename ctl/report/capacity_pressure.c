/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <uthash.h>

#include "collector/base.h"
#include "ctl/print/out.h"
#include "capacity.h"

/* One VM, the days added up. */
struct waits {
	struct reader_pressure sum;
	UT_hash_handle hh;		/* by sum.vm */
};

struct work {
	const struct capacity_options *o;
	struct waits *all;
};

static int most(int a, int b)
{
	return a > b ? a : b;
}

static void on_pressure(const struct reader_pressure *p, void *arg)
{
	struct work *w = arg;
	struct waits *x;

	if (!filter_has_vm(&w->o->filter, p->vm, 0))
		return;
	HASH_FIND(hh, w->all, &p->vm, sizeof(p->vm), x);
	if (!x) {
		x = calloc(1, sizeof(*x));
		if (!x)
			abort();
		x->sum = *p;
		HASH_ADD(hh, w->all, sum.vm, sizeof(x->sum.vm), x);
		return;
	}
	x->sum.span_ns += p->span_ns;
	x->sum.vcpu_ns += p->vcpu_ns;
	x->sum.vhost_ns += p->vhost_ns;
	x->sum.vcpu_run_ns += p->vcpu_run_ns;
	x->sum.vcpu_wait_ns += p->vcpu_wait_ns;
	x->sum.vhost_run_ns += p->vhost_run_ns;
	x->sum.vhost_wait_ns += p->vhost_wait_ns;
	x->sum.emulator_run_ns += p->emulator_run_ns;
	x->sum.emulator_wait_ns += p->emulator_wait_ns;
	x->sum.vcpu_peak = most(x->sum.vcpu_peak, p->vcpu_peak);
	x->sum.vhost_peak = most(x->sum.vhost_peak, p->vhost_peak);
}

static json_t *share(uint64_t part, uint64_t whole)
{
	return whole ? json_real(100.0 * (double)part / (double)whole) : json_null();
}

static json_t *thousandths(int n)
{
	return n < 0 ? json_null() : json_real(n / 10.0);
}

static json_t *row_of(const struct reader *v, const struct reader_pressure *p)
{
	const struct reader_vm *vm = reader_vm(v, p->vm);

	return json_pack("{so so sf so so so so so so so}", "vm", out_text(vm ? vm->name : NULL),
			 "uuid", out_text(vm ? vm->uuid : NULL), "hours_seen",
			 (double)p->span_ns / (double)NSEC_PER_HOUR, "vcpu_run_pct",
			 share(p->vcpu_run_ns, p->vcpu_ns), "vcpu_wait_pct",
			 share(p->vcpu_wait_ns, p->vcpu_ns), "vcpu_wait_peak_pct",
			 thousandths(p->vcpu_peak), "vhost_run_pct",
			 share(p->vhost_run_ns, p->vhost_ns), "vhost_wait_pct",
			 share(p->vhost_wait_ns, p->vhost_ns), "vhost_wait_peak_pct",
			 thousandths(p->vhost_peak), "emulator_wait_pct",
			 share(p->emulator_wait_ns, p->span_ns));
}

/* Who waited most comes first. */
static int by_wait(const struct waits *a, const struct waits *b)
{
	double x = a->sum.vcpu_ns ? (double)a->sum.vcpu_wait_ns / (double)a->sum.vcpu_ns : -1;
	double y = b->sum.vcpu_ns ? (double)b->sum.vcpu_wait_ns / (double)b->sum.vcpu_ns : -1;

	return x != y ? (x < y) - (x > y) : (a->sum.vm > b->sum.vm) - (a->sum.vm < b->sum.vm);
}

int capacity_add_pressure(json_t *root, struct reader *v, const struct capacity_options *o)
{
	struct work w = { .o = o };
	json_t *rows = json_array();
	struct waits *x, *tmp;
	int r = reader_pressure(v, o->window.since_ns, o->window.until_ns, on_pressure, &w);

	HASH_SORT(w.all, by_wait);
	HASH_ITER(hh, w.all, x, tmp) {
		json_array_append_new(rows, row_of(v, &x->sum));
		HASH_DEL(w.all, x);
		free(x);
	}
	json_object_set_new(root, "pressure", rows);
	return r;
}
