/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "ctl/print/out.h"
#include "schema/demand.h"
#include "capacity.h"
#include "knee.h"
#include "trend.h"

/* headroom of the 99th percentile below which a NIC is near its knee */
#define NEAR_PCT 20
#define SOON_DAYS 180

/* One NIC of one VM, over the devices that it had; one direction. Days are kept packed. */
struct nic {
	char *key;
	int64_t vm, device;		/* device: the newest one */
	int side;
	struct nic_day {
		unsigned int day;
		bool newest;
		uint64_t peak;
		unsigned char *packed;
		size_t len;
	} *days;
	unsigned int n_days;
	uint64_t changed_ns;		/* its ring, queues or backend were made others; 0: never */
	struct reader_headroom rings;	/* towards the guest */
	UT_hash_handle hh;
};

/* A VM's minutes, all its NICs. */
struct vm_time {
	int64_t vm;
	uint64_t seconds, over[DEMAND_SHARES];
	UT_hash_handle hh;
};

struct work {
	struct reader *v;
	const struct capacity_options *o;
	struct nic *nics;
	struct vm_time *vms;
	uint64_t *changed;		/* by device */
	json_t *rows, *detail;
};

/* Who had the device in that day, at last. */
static const struct reader_attachment *owner_in(const struct reader *v, int64_t device,
						uint64_t from_ns, uint64_t to_ns)
{
	if (device <= 0 || (size_t)device >= v->n_devices)
		return NULL;
	for (size_t i = v->first_attachment[device]; i; i = v->older_attachment[i]) {
		const struct reader_attachment *a = &v->attachments[i];

		if (a->since_ns <= to_ns && (!a->until_ns || a->until_ns >= from_ns))
			return a;
	}
	return NULL;
}

/* What changes how many frames a NIC takes. */
static void on_change(const struct reader_change *c, void *arg)
{
	struct work *w = arg;

	if (!c->was || (strcmp(c->what, "ring") != 0 && strcmp(c->what, "queues") != 0 &&
			strcmp(c->what, "backend") != 0))
		return;
	if (reader_device(w->v, c->device_id) && c->t_ns < w->o->window.until_ns)
		w->changed[c->device_id] = c->t_ns;
}

/* The NIC that the device was part of, as far as it is met. *ret_key is the caller's. */
static struct nic *find_nic(const struct work *w, const struct reader_attachment *a, int64_t device,
			    int side, char **ret_key)
{
	const char *name = reader_nic(w->v, device);
	struct nic *n;

	if (asprintf(ret_key, "%lld|%s|%d", a ? (long long)a->vm_id : 0,
		     a && a->mac ? a->mac
		     : name	 ? name
				 : "",
		     side) < 0)
		abort();
	HASH_FIND_STR(w->nics, *ret_key, n);
	return n;
}

static struct nic *nic_of(struct work *w, const struct reader_day_demand *d, int side)
{
	const struct reader_attachment *a = owner_in(w->v, d->device, d->from_ns, d->to_ns);
	struct nic *n;
	char *key;

	if (!filter_has_vm(&w->o->filter, a ? a->vm_id : 0, d->device))
		return NULL;
	n = find_nic(w, a, d->device, side, &key);
	if (n) {
		free(key);
		n->device = d->device > n->device ? d->device : n->device;
		return n;
	}
	n = must(calloc(1, sizeof(*n)));
	n->key = key;
	n->vm = a ? a->vm_id : 0;
	n->device = d->device;
	n->side = side;
	HASH_ADD_KEYPTR(hh, w->nics, n->key, strlen(n->key), n);
	return n;
}

static void set_packed(struct nic_day *day, const struct demand *d)
{
	static unsigned char buf[DEMAND_BYTES];

	day->len = demand_pack(d, buf);
	free(day->packed);
	day->packed = must(malloc(day->len));
	memcpy(day->packed, buf, day->len);
}

static void add_day(struct nic *n, const struct reader_day_demand *d, const struct demand *demand,
		    uint64_t peak)
{
	struct nic_day *day = n->n_days ? &n->days[n->n_days - 1] : NULL;

	if (!day || day->day != d->day) {
		if (alloc_double(n->days, n->n_days) < 0)
			abort();
		day = &n->days[n->n_days++];
		*day = (struct nic_day){
			.day = (unsigned int)d->day,
			.newest = d->newest,
			.peak = peak,
		};
		set_packed(day, demand);
		return;
	}
	/* Another device of the same NIC: the VM was started again in that day. */
	struct demand *both = must(malloc(sizeof(*both)));

	*both = *demand;
	demand_unpack(both, day->packed, day->len);
	set_packed(day, both);
	day->peak = peak > day->peak ? peak : day->peak;
	free(both);
}

static void add_time(struct work *w, int64_t vm, const struct demand *d)
{
	struct vm_time *t;

	HASH_FIND(hh, w->vms, &vm, sizeof(vm), t);
	if (!t) {
		t = must(calloc(1, sizeof(*t)));
		t->vm = vm;
		HASH_ADD(hh, w->vms, vm, sizeof(t->vm), t);
	}
	t->seconds += d->seconds;
	for (int i = 0; i < DEMAND_SHARES; i++)
		t->over[i] += d->over[i];
}

static void on_day(const struct reader_day_demand *d, void *arg)
{
	struct work *w = arg;

	for (int side = 0; side < 2; side++) {
		const struct demand *demand = side ? d->tx : d->rx;
		struct nic *n = demand ? nic_of(w, d, side) : NULL;

		if (!n)
			continue;
		if (w->changed[d->device] > n->changed_ns)
			n->changed_ns = w->changed[d->device];
		add_day(n, d, demand, side ? d->tx_peak : d->rx_peak);
		add_time(w, n->vm, demand);
	}
}

static void on_rings(const struct reader_headroom *h, uint64_t from_ns, uint64_t to_ns, void *arg)
{
	struct work *w = arg;
	_cleanup_(freep) char *key = NULL;
	struct nic *n = find_nic(w, owner_in(w->v, h->device, from_ns, to_ns), h->device, 0, &key);

	if (n)
		reader_occupancy_add(&n->rings, h);
}

/* What a NIC's days say. */

struct finding {
	struct demand *days, *sum;	/* days: n_days of them */
	struct knee knee;
	struct trend trend;
	struct trend_meeting meeting;
	double p50, p95, p99;
	uint64_t max;
	/* the knee is of the days from this one on: whole ones after a change */
	unsigned int since;
	unsigned int last_day;		/* newest one of the trend */
};

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Days of which much was seen: the first, the last and those with gaps would bend the line. */
static void find_trend(const struct nic *n, struct finding *f)
{
	_cleanup_(freep) unsigned int *day = must(malloc((n->n_days + 1) * sizeof(*day)));
	_cleanup_(freep) uint32_t *seconds = must(malloc((n->n_days + 1) * sizeof(*seconds)));
	_cleanup_(freep) double *p99 = must(malloc((n->n_days + 1) * sizeof(*p99)));
	unsigned int used = 0;

	for (unsigned int i = 0; i < n->n_days; i++)
		seconds[i] = f->days[i].seconds;
	qsort(seconds, n->n_days, sizeof(*seconds), by_number);
	for (unsigned int i = 0; i < n->n_days; i++) {
		if (n->days[i].newest || f->days[i].seconds < seconds[n->n_days / 2] / 4 * 3)
			continue;
		day[used] = n->days[i].day;
		p99[used++] = demand_quantile(&f->days[i], 0.99);
	}
	trend_fit(day, p99, used, &f->trend);
	f->last_day = used ? day[used - 1] : 0;
}

/* Another ring, other queues: another knee. Days before that say nothing about it. */
static void find_knee(const struct nic *n, struct finding *f, const struct demand *const *list)
{
	unsigned int changed = (unsigned int)(n->changed_ns / NSEC_PER_DAY);

	while (n->changed_ns && f->since < n->n_days && n->days[f->since].day <= changed)
		f->since++;
	if (f->since < n->n_days)
		knee_find(list + f->since, n->n_days - f->since, &f->knee);
	else
		f->knee.state = KNEE_FEW;
}

static void find_all(const struct nic *n, struct finding *f)
{
	_cleanup_(freep) const struct demand **list = must(malloc((n->n_days + 1) * sizeof(*list)));

	memset(f, 0, sizeof(*f));
	f->days = must(calloc(n->n_days + 1, sizeof(*f->days)));
	f->sum = &f->days[n->n_days];
	for (unsigned int i = 0; i < n->n_days; i++) {
		demand_unpack(&f->days[i], n->days[i].packed, n->days[i].len);
		demand_unpack(f->sum, n->days[i].packed, n->days[i].len);
		f->max = n->days[i].peak > f->max ? n->days[i].peak : f->max;
		list[i] = &f->days[i];
	}
	find_knee(n, f, list);
	f->p50 = demand_quantile(f->sum, 0.50);
	f->p95 = demand_quantile(f->sum, 0.95);
	f->p99 = demand_quantile(f->sum, 0.99);
	find_trend(n, f);
	f->meeting.from = f->meeting.to = -1;
	if (f->knee.state == KNEE_FOUND && f->p99 < f->knee.low)	/* else it is there */
		trend_meets(&f->trend, f->knee.rate, (f->knee.high - f->knee.low) / 3.92,
			    &f->meeting);
}

static const char *verdict(const struct finding *f)
{
	if (f->knee.state == KNEE_FLAT)
		return "loses at any rate";
	if (f->knee.state == KNEE_FEW)
		return "not enough evidence";
	if (f->knee.state == KNEE_NO_LOSS)
		return "no loss";
	if (f->p99 >= f->knee.low)
		return "over its knee";
	if (f->p99 >= f->knee.rate * (100 - NEAR_PCT) / 100)
		return "near its knee";
	if (f->meeting.from >= 0 && f->meeting.from <= SOON_DAYS)
		return "will meet its knee";
	return "has room";
}

/* The first ones need somebody. */
static int urgency(const char *verdict_)
{
	static const char *const order[] = { "over its knee",
					     "near its knee",
					     "will meet its knee",
					     "loses at any rate",
					     "not enough evidence",
					     "has room",
					     "no loss" };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (!strcmp(order[i], verdict_))
			return (int)i;
	return 99;
}

static json_t *rate(double fps)
{
	return json_integer((json_int_t)llround(fps));
}

static json_t *moment(const struct finding *f, double days)
{
	return days < 0 ? json_null()
			: json_integer(
				  (json_int_t)(((uint64_t)f->last_day + (uint64_t)llround(days)) *
					       NSEC_PER_DAY));
}

/* Null where nothing is known: the other direction has no ring of the tap's, either. */
static void put_rings(json_t *o, const struct work *w, const struct nic *n)
{
	const struct reader_headroom *h = &n->rings;
	const struct reader_attachment *a = reader_attached(w->v, n->device, w->o->window.until_ns);
	uint64_t ring = h->peak + h->free;

	json_object_set_new(o, "ring_frames",
			    !n->side && a && a->ring_frames >= 0 ? json_integer(a->ring_frames)
								 : json_null());
	json_object_set_new(o, "ring_peak_frames", h->known ? out_int(h->peak) : json_null());
	json_object_set_new(o, "ring_free_frames", h->known ? out_int(h->free) : json_null());
	json_object_set_new(o, "ring_mean_frames",
			    h->samples ? json_real((double)h->sum / (double)h->samples)
				       : json_null());
	json_object_set_new(o, "ring_looks", n->side ? json_null() : out_int(h->samples));
	json_object_set_new(o, "ring_headroom_pct",
			    h->known && ring ? json_real(100.0 * (double)h->free / (double)ring)
					     : json_null());
	json_object_set_new(o, "qdisc_peak_frames",
			    h->qdisc_peak ? out_int(h->qdisc_peak) : json_null());
}

static const char *knee_word(enum knee_state s)
{
	static const char *const words[] = { "found", "no loss", "not enough evidence",
					     "does not depend on the rate" };

	return words[s];
}

static json_t *row_of(const struct work *w, const struct nic *n, const struct finding *f)
{
	const struct reader_vm *vm = reader_vm(w->v, n->vm);
	bool found = f->knee.state == KNEE_FOUND;
	double lossy = f->sum->seconds ? 100.0 * f->sum->over[0] / f->sum->seconds : 0,
	       growth = f->trend.level > 0 ? 3000 / f->trend.level : 0;
	json_t *o =
		json_pack("{so so so ss ss si sf so so so so sf}", "vm",
			  out_text(vm ? vm->name : NULL), "uuid", out_text(vm ? vm->uuid : NULL),
			  "nic", out_text(reader_nic(w->v, n->device)), "direction",
			  n->side ? "tx" : "rx", "verdict", verdict(f), "days", (int)n->n_days,
			  "hours_seen", f->sum->seconds / 3600.0, "p50_fps", rate(f->p50),
			  "p95_fps", rate(f->p95), "p99_fps", rate(f->p99), "max_fps",
			  rate((double)f->max), "lossy_pct", lossy);

	json_object_set_new(o, "knee", json_string(knee_word(f->knee.state)));
	json_object_set_new(o, "knee_fps", found ? rate(f->knee.rate) : json_null());
	json_object_set_new(o, "knee_low_fps", found ? rate(f->knee.low) : json_null());
	json_object_set_new(o, "knee_high_fps", found ? rate(f->knee.high) : json_null());
	json_object_set_new(o, "knee_since_ns",
			    f->since && f->since < n->n_days
				    ? out_int(n->days[f->since].day * NSEC_PER_DAY)
				    : json_null());
	json_object_set_new(o, "headroom_p50_pct",
			    found ? json_real(100 - 100 * f->p50 / f->knee.rate) : json_null());
	json_object_set_new(o, "headroom_p95_pct",
			    found ? json_real(100 - 100 * f->p95 / f->knee.rate) : json_null());
	json_object_set_new(o, "headroom_p99_pct",
			    found ? json_real(100 - 100 * f->p99 / f->knee.rate) : json_null());
	json_object_set_new(o, "headroom_max_pct",
			    found ? json_real(100 - 100 * (double)f->max / f->knee.rate)
				  : json_null());
	json_object_set_new(o, "trend",
			    json_string(!f->trend.known	 ? "not enough evidence"
					: f->trend.grows ? "grows"
							 : "no growth that can be told"));
	json_object_set_new(o, "growth_pct_30d",
			    f->trend.known ? json_real(f->trend.slope * growth) : json_null());
	json_object_set_new(
		o, "growth_low_pct_30d",
		f->trend.known ? json_real((f->trend.slope - 1.96 * f->trend.slope_error) * growth)
			       : json_null());
	json_object_set_new(
		o, "growth_high_pct_30d",
		f->trend.known ? json_real((f->trend.slope + 1.96 * f->trend.slope_error) * growth)
			       : json_null());
	json_object_set_new(o, "weekly_season",
			    f->trend.known ? json_boolean(f->trend.seasonal) : json_null());
	json_object_set_new(o, "meets_knee_ns",
			    f->meeting.from < 0 ? json_null() : moment(f, f->meeting.days));
	json_object_set_new(o, "meets_knee_from_ns", moment(f, f->meeting.from));
	json_object_set_new(o, "meets_knee_to_ns", moment(f, f->meeting.to));
	put_rings(o, w, n);
	return o;
}

/* For the page of one VM: its days, and how often it lost at which rate. */
static json_t *detail_of(const struct work *w, const struct nic *n, const struct finding *f)
{
	const struct reader_vm *vm = reader_vm(w->v, n->vm);
	json_t *days = json_array(), *rates = json_array();

	for (unsigned int i = 0; i < n->n_days; i++)
		json_array_append_new(
			days, json_pack("{sI so so so so sf}", "day_ns",
					(json_int_t)(n->days[i].day * NSEC_PER_DAY), "p50_fps",
					rate(demand_quantile(&f->days[i], 0.5)), "p95_fps",
					rate(demand_quantile(&f->days[i], 0.95)), "p99_fps",
					rate(demand_quantile(&f->days[i], 0.99)), "max_fps",
					rate((double)n->days[i].peak), "lossy_pct",
					f->days[i].seconds
						? 100.0 * f->days[i].over[0] / f->days[i].seconds
						: 0));
	for (unsigned int b = 0; b < DEMAND_BUCKETS; b++)
		if (f->sum->clean[b] || f->sum->lossy[b])
			json_array_append_new(
				rates,
				json_pack("{so sf sf}", "rate_fps", rate(demand_rate(b)), "minutes",
					  (f->sum->clean[b] + f->sum->lossy[b]) / 60.0, "lossy_pct",
					  100.0 * f->sum->lossy[b] /
						  (f->sum->clean[b] + f->sum->lossy[b])));
	return json_pack("{so so ss so so so so so}", "vm", out_text(vm ? vm->name : NULL), "nic",
			 out_text(reader_nic(w->v, n->device)), "direction", n->side ? "tx" : "rx",
			 "knee_fps", f->knee.state == KNEE_FOUND ? rate(f->knee.rate) : json_null(),
			 "level_fps",
			 f->trend.known ? rate(f->trend.level * f->trend.busiest) : json_null(),
			 "slope_fps_day",
			 f->trend.known ? json_real(f->trend.slope * f->trend.busiest)
					: json_null(),
			 "days", days, "rates", rates);
}

static int by_urgency(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	int ux = urgency(json_string_value(json_object_get(x, "verdict"))),
	    uy = urgency(json_string_value(json_object_get(y, "verdict")));
	double hx = json_number_value(json_object_get(x, "headroom_p99_pct")),
	       hy = json_number_value(json_object_get(y, "headroom_p99_pct"));
	double mx = json_number_value(json_object_get(x, "max_fps")),
	       my = json_number_value(json_object_get(y, "max_fps"));

	if (ux != uy)
		return ux - uy;
	if (hx != hy)
		return hx < hy ? -1 : 1;
	return (mx < my) - (mx > my);
}

static void sort_rows(json_t *rows)
{
	size_t n = json_array_size(rows);
	_cleanup_(freep) json_t **all = must(malloc((n + 1) * sizeof(*all)));

	for (size_t i = 0; i < n; i++)
		all[i] = json_incref(json_array_get(rows, i));
	if (n)
		qsort(all, n, sizeof(*all), by_urgency);
	json_array_clear(rows);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows, all[i]);
}

static void take_nics(struct work *w)
{
	struct nic *n, *tmp;

	HASH_ITER(hh, w->nics, n, tmp) {
		struct finding f;

		find_all(n, &f);
		json_array_append_new(w->rows, row_of(w, n, &f));
		if (w->o->detail)
			json_array_append_new(w->detail, detail_of(w, n, &f));
		free(f.days);
		for (unsigned int i = 0; i < n->n_days; i++)
			free(n->days[i].packed);
		HASH_DEL(w->nics, n);
		free(n->days);
		free(n->key);
		free(n);
	}
}

static json_t *take_times(struct work *w)
{
	json_t *rows = json_array();
	struct vm_time *t, *tmp;

	HASH_ITER(hh, w->vms, t, tmp) {
		const struct reader_vm *vm = reader_vm(w->v, t->vm);
		double all = t->seconds ? 100.0 / (double)t->seconds : 0;

		json_array_append_new(rows,
				      json_pack("{so so sf sf sf sf sf sf}", "vm",
						out_text(vm ? vm->name : NULL), "uuid",
						out_text(vm ? vm->uuid : NULL), "hours_seen",
						(double)t->seconds / 3600, "clean_pct",
						100 - (double)t->over[0] * all, "under_0_01_pct",
						100 - (double)t->over[1] * all, "under_0_1_pct",
						100 - (double)t->over[2] * all, "under_1_pct",
						100 - (double)t->over[3] * all, "under_5_pct",
						100 - (double)t->over[4] * all));
		HASH_DEL(w->vms, t);
		free(t);
	}
	return rows;
}

int capacity_add_nics(json_t *root, struct reader *v, const struct capacity_options *o)
{
	struct work w = {
		.v = v,
		.o = o,
		.rows = json_array(),
		.detail = json_array(),
		.changed = must(calloc(v->n_devices + 1, sizeof(uint64_t))),
	};
	int r = reader_changes(v, on_change, &w);

	if (r >= 0)
		r = reader_demands(v, o->window.since_ns, o->window.until_ns, on_day, &w);
	if (r >= 0)
		r = reader_headroom(v, o->window.since_ns, o->window.until_ns, on_rings, &w);
	take_nics(&w);
	sort_rows(w.rows);
	json_object_set_new(root, "nics", w.rows);
	json_object_set_new(root, "service", take_times(&w));
	free(w.changed);
	if (o->detail)
		json_object_set_new(root, "nic_detail", w.detail);
	else
		json_decref(w.detail);
	return r;
}
