/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of VMs, their NICs and the agent. See reader.h. */
#include "reader_priv.h"

struct reading {
	reader_change_fn *fn;
	void *arg;
};

static void on_change(const struct sql *q, void *arg)
{
	const struct reading *rd = arg;
	const struct reader_change change = {
		.t_ns = sql_uint64(q, 0),
		.vm_id = sql_int64(q, 1),
		.device_id = sql_int64(q, 2),
		.what = sql_text(q, 3),
		.was = sql_text_or_null(q, 4),
		.became = sql_text_or_null(q, 5),
	};

	rd->fn(&change, rd->arg);
}

#define CHANGES "SELECT t_ns, vm_id, device_id, what, was, became FROM event "

int reader_changes(struct reader *v, reader_change_fn *fn, void *arg)
{
	struct reading rd = { fn, arg };

	return meta_rows(v, CHANGES "ORDER BY t_ns, id", on_change, &rd);
}

int reader_state_changes(struct reader *v, reader_change_fn *fn, void *arg)
{
	struct reading rd = { fn, arg };

	return meta_rows(v, CHANGES "WHERE what IN ('vm', 'state') AND vm_id > 0 ORDER BY t_ns, id",
			 on_change, &rd);
}
