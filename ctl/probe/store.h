/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store - probes as rows of meta.db (schema/probe_rows.h), and as JSON. */
#ifndef TAPLOSS_CTL_PROBE_STORE_H
#define TAPLOSS_CTL_PROBE_STORE_H

#include <jansson.h>

#include "schema/probe_rows.h"
#include "ledger.h"

#define STORED_GAPS 2000	/* of a step */

struct probe_step {
	const char *ring;
	uint64_t ring_bytes, pps, began_ns, span_ns, tap_delivered, tap_dropped, guest_cpu_ns,
		guest_wall_ns;
	struct ledger ledger;
	struct ledger_gap *gaps;	/* times in UTC */
	size_t n_gaps;
};

/* -errno. The probe is incomplete until probe_store_end() says otherwise. */
int probe_store_begin(sqlite3 *db, const struct probe_head *h, int64_t *ret_id);
int probe_store_guest(sqlite3 *db, int64_t id, const char *tap, const char *kernel,
		      const char *accel);
int probe_store_step(sqlite3 *db, int64_t id, int step, const struct probe_step *s);
int probe_store_end(sqlite3 *db, int64_t id, const char *why);	/* NULL: complete */

/* As objects; @id 0: all, without steps. NULL: it cannot be read. */
json_t *probe_store_list(sqlite3 *db);
json_t *probe_store_show(sqlite3 *db, int64_t id);	/* JSON null: there is none */

#endif
