/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/tick/limitations.h"
#include "store_priv.h"

int store_blind(struct store *s, const struct limitation_row *rows, unsigned int n)
{
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = store_exec(&s->meta, "DELETE FROM blind", "");
	for (unsigned int i = 0; i < n && r >= 0; i++)
		r = store_exec(&s->meta, "INSERT INTO blind VALUES (?, ?, ?, ?)", "ittt",
			       (int64_t)i + 1, rows[i].loss, rows[i].why, rows[i].witness);
	return store_meta_end(s, r);
}
