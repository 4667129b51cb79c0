/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader - the store as taplossctl reads it: names in memory, loss added up from the day files.
 * Every SELECT of loss is in read_*.c; results of probes are read by schema/ or ctl/probe.
 *
 * A function that returns int returns 0 or -errno, and reader_error() then says why, for the user.
 *
 * Read-only; each day file is opened for as long as it is read, so that a long look never holds up
 * the writer or retention. Times are UTC ns; a window is (since, until]. */
#ifndef TAPLOSS_CTL_QUERY_READER_H
#define TAPLOSS_CTL_QUERY_READER_H

#include <stdbool.h>

#include "schema/schema.h"

#define READER_WHY 512

struct reader_vm {
	int64_t id;
	char *uuid, *name, *state;	/* uuid may be NULL */
	uint64_t first_ns, last_ns;
};

struct reader_device {
	int64_t id;
	uint32_t netns, ifindex;
	char *name, *kind;
	uint64_t since_ns, until_ns;	/* until_ns 0: still there */
};

struct reader_attachment {
	int64_t id, vm_id, device_id;
	char *mac, *backend, *bridge;	/* may be NULL */
	int queues, ring_frames;	/* -1: unknown */
	uint64_t since_ns, until_ns;	/* until_ns 0: still attached */
};

struct reader_series {
	int64_t id, vm_id, attachment_id, device_id;	/* 0: none */
	int queue;					/* -1: not known */
	char *direction, *class, *kind, *reason, *site, *counter;	/* counter may be NULL */
	char *place;					/* NULL: the tap */
	char *sender;					/* NULL: not known */
	int64_t sender_vm_id;				/* 0: none */
	uint64_t first_ns;				/* of its first loss ever */
	/* id of the mask that leaves it out of the figures; NULL: none */
	const char *mask;
};

struct masks;

/* A day as history.db has it: all of it lies in (from_ns, to_ns]. */
struct reader_past {
	uint64_t day;			/* since the epoch */
	uint64_t from_ns, to_ns;
	bool hours;			/* sums by the hour, too */
};

struct reader {
	char *dir;
	sqlite3 *meta;
	sqlite3 *history;		/* NULL: there is none */
	struct reader_past *past;
	size_t n_past;
	struct schema_day *days;
	size_t n_days;
	/* Indexed by id; holes have id 0. [0] is a hole. */
	struct reader_vm *vms;
	struct reader_device *devices;
	struct reader_attachment *attachments;
	struct reader_series *series;
	size_t n_vms, n_devices, n_attachments, n_series;	/* highest id + 1 */
	/* by device: 0, or the index of its newest one; the others follow by older_attachment */
	size_t *first_attachment;
	size_t *older_attachment;
	struct masks *masks;
	bool running;			/* an agent is at work on this store */
	uint64_t interval_ns;		/* of its last run; 0: it never ran */
	int pid;
	char why[READER_WHY]; /* reader_error() */
};

/* 0, or -errno and why. */
int reader_open(const char *dir, struct reader **ret, char why[static READER_WHY]);
struct reader *reader_free(struct reader *v);

/* What the last failure was; "" when nothing failed. It stays valid until the next failure. */
const char *reader_error(const struct reader *v);

struct reader_sum {
	uint64_t frames, segments, bytes;
};

/* Loss of the window, by series: *ret has n_series elements and is the caller's. */
int reader_losses(struct reader *v, uint64_t since, uint64_t until, struct reader_sum **ret);

/* Each loss row of the window whose series is in @wanted (n_series elements; NULL: all); the series
 * given are ones that the reader knows. @span_ns is how long before @t_ns it may have happened:
 * rows of days that were thinned are a minute long, those of days whose file is gone an hour or a
 * day. With @hours, whole hours where there are. */
typedef void reader_row_fn(int64_t series, uint64_t t_ns, uint64_t span_ns,
			   const struct reader_sum *sum, void *arg);
int reader_rows(struct reader *v, uint64_t since, uint64_t until, bool hours, const bool *wanted,
		reader_row_fn *fn, void *arg);

/* Delivered frames, guest's terms, cut to the window in proportion; whole days in one piece where
 * they have one owner. */
typedef void reader_traffic_fn(int64_t device, uint64_t t_ns, uint64_t rx_frames,
			       uint64_t tx_frames, void *arg);
int reader_traffic(struct reader *v, uint64_t since, uint64_t until, reader_traffic_fn *fn,
		   void *arg);

/* How close the rings of a device came to losing frames; of the rows of traffic that touch the
 * window, at its edges the hours or the day where only these are left. Days written before this was
 * kept are passed over. */
struct reader_headroom {
	int64_t device;
	bool known;			/* the next two are */
	uint64_t peak, free;		/* frames in the fullest ring; the fewest places left */
	uint64_t samples, sum;		/* looks at the fullest ring, and what they found in all */
	/* frames that waited in the queueing discipline in front; 0: none, or not looked at */
	uint64_t qdisc_peak;
};
typedef void reader_occupancy_fn(const struct reader_headroom *h, uint64_t from_ns, uint64_t to_ns,
				 void *arg);
int reader_headroom(struct reader *v, uint64_t since, uint64_t until, reader_occupancy_fn *fn,
		    void *arg);
/* Of one device, not by the day where hours are left, and by the row in windows of six hours at
 * most. */
int reader_occupancy_fine(struct reader *v, uint64_t since, uint64_t until, int64_t device,
			  reader_occupancy_fn *fn, void *arg);
void reader_occupancy_add(struct reader_headroom *sum, const struct reader_headroom *more);

/* What the threads of a VM's VMM got of the processor, and waited for; from the rows whose end lies
 * in the window, at its edges as above. */
struct reader_pressure {
	int64_t vm;
	uint64_t span_ns;			/* for how long they were looked at */
	/* times the threads of each kind; 0: there were none */
	uint64_t vcpu_ns, vhost_ns;
	uint64_t vcpu_run_ns, vcpu_wait_ns, vhost_run_ns, vhost_wait_ns, emulator_run_ns,
		emulator_wait_ns;
	/* thousandths of that time that were waited for, in the worst row; -1: no such threads */
	int vcpu_peak, vhost_peak;
};
typedef void reader_pressure_fn(const struct reader_pressure *p, void *arg);
int reader_pressure(struct reader *v, uint64_t since, uint64_t until, reader_pressure_fn *fn,
		    void *arg);

/* How the minutes of a device's day were; both NULL: it had no traffic. Whole days: all that touch
 * the window. @newest: the day is not over. The demands are valid during the call. */
struct demand;
struct reader_day_demand {
	int64_t device;
	uint64_t day, from_ns, to_ns;	/* days since the epoch */
	const struct demand *rx, *tx;
	uint64_t rx_peak, tx_peak;
	bool newest;
};
typedef void reader_demand_fn(const struct reader_day_demand *d, void *arg);
int reader_demands(struct reader *v, uint64_t since, uint64_t until, reader_demand_fn *fn,
		   void *arg);

/* Rows of pressure of one VM, as stored, whose end lies in (since, until + 10 s], in order. */
struct reader_pressure_row {
	uint64_t from_ns, to_ns;
	unsigned int vcpus, vhosts;	/* threads */
	uint64_t run_ns[3], wait_ns[3]; /* of vCPUs, vhost workers, all others */
};
typedef void reader_pressure_row_fn(const struct reader_pressure_row *p, void *arg);
int reader_pressure_rows(struct reader *v, int64_t vm, uint64_t since, uint64_t until,
			 reader_pressure_row_fn *fn, void *arg);

/* Rows of traffic as stored, minutes as a rule, whose end lies in (since, until + 1 min], in order;
 * of devices in @wanted (n_devices elements). [0] rx, [1] tx. */
struct reader_traffic_row {
	int64_t device;
	uint64_t from_ns, to_ns;
	uint64_t delivered[2], lost[2], peak[2];    /* peak: frames in the busiest second */
	uint64_t ring_peak, ring_samples, ring_sum; /* as in struct reader_headroom */
};
typedef void reader_traffic_row_fn(const struct reader_traffic_row *t, void *arg);
int reader_traffic_rows(struct reader *v, const bool *wanted, uint64_t since, uint64_t until,
			reader_traffic_row_fn *fn, void *arg);

typedef void reader_witness_fn(int64_t device, uint64_t t_ns, const char *counter, uint64_t frames,
			       void *arg);
int reader_witnesses(struct reader *v, uint64_t since, uint64_t until, reader_witness_fn *fn,
		     void *arg);

/* Devices whose own counters were read in the window's days; those of other namespaces may not have
 * been. */
typedef void reader_device_fn(int64_t device, void *arg);
int reader_counted(struct reader *v, uint64_t since, uint64_t until, reader_device_fn *fn,
		   void *arg);

struct reader_interval {
	uint64_t from_ns, to_ns;
	char only[16];		/* the source that counted, when it sees less than all; else "" */
};

/* Covered intervals that touch the window, in order, not merged; an agent that runs now covers up
 * to now. */
int reader_coverage(struct reader *v, uint64_t since, uint64_t until, struct reader_interval **ret,
		    size_t *n);

/* Sets those of the @n steps from @since on of which any part is covered. */
int reader_observed(struct reader *v, uint64_t since, uint64_t step_ns, bool *steps, size_t n);

/* The covered share of the window in percent. Negative: -errno. */
double reader_covered_pct(struct reader *v, uint64_t since, uint64_t until);

/* Runs of the agent, oldest first; the newest one alone. Text is valid during the call. */
struct reader_run {
	uint64_t since_ns, until_ns; /* until_ns 0: it runs, or was killed */
	bool clean;		     /* it ended as it should */
	uint64_t interval_ns, reasons;
	const char *version, *kernel;
};
typedef void reader_run_fn(const struct reader_run *run, void *arg);
int reader_runs(struct reader *v, reader_run_fn *fn, void *arg);
int reader_newest_run(struct reader *v, reader_run_fn *fn, void *arg);

/* What the agent's sources say of themselves, by name. */
struct reader_source {
	const char *name, *state, *why;
	uint64_t since_ns;
};
typedef void reader_source_fn(const struct reader_source *s, void *arg);
int reader_sources(struct reader *v, reader_source_fn *fn, void *arg);

/* Loss that the newest run cannot show, why, and which counter shows it. */
struct reader_limitation {
	const char *loss, *why, *witness;
};
typedef void reader_limitation_fn(const struct reader_limitation *l, void *arg);
int reader_limitations(struct reader *v, reader_limitation_fn *fn, void *arg);

/* Changes of VMs, NICs and the agent in order of time, all of them or those of VMs' states; as
 * stored (event.what of the schema). */
struct reader_change {
	uint64_t t_ns;
	int64_t vm_id, device_id;	 /* 0: none */
	const char *what, *was, *became; /* was, became: may be NULL */
};
typedef void reader_change_fn(const struct reader_change *c, void *arg);
int reader_changes(struct reader *v, reader_change_fn *fn, void *arg);
int reader_state_changes(struct reader *v, reader_change_fn *fn, void *arg);

/* Bursts that began in the window, as stored: by series and CPU. @wanted as in reader_rows(). */
struct reader_burst {
	int64_t series;
	uint64_t start_ns, span_ns, frames,
		place; /* span_ns: to its last frame; place 0: not known */
	uint32_t cpu;
};
typedef void reader_burst_fn(const struct reader_burst *b, void *arg);
int reader_bursts(struct reader *v, uint64_t since, uint64_t until, const bool *wanted,
		  reader_burst_fn *fn, void *arg);

/* A total of the program itself from the newest day file; 0 when it was never set. */
int reader_self(struct reader *v, const char *name, uint64_t *ret);

/* The attachment of @device at @t_ns, or NULL. */
const struct reader_attachment *reader_attached(const struct reader *v, int64_t device,
						uint64_t t_ns);

/* By id; NULL for 0 and for what the reader does not know. */
const struct reader_vm *reader_vm(const struct reader *v, int64_t id);
const struct reader_device *reader_device(const struct reader *v, int64_t id);
const char *reader_nic(const struct reader *v, int64_t device);	/* the device's name */

/* Names that VMs had, with those that they have. */
typedef void reader_old_name_fn(int64_t vm, const char *name, void *arg);
int reader_old_names(struct reader *v, reader_old_name_fn *fn, void *arg);

#endif
