/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

static int insert(struct store *s, const struct limitation_row *rows, unsigned int n)
{
	struct sql q = db_sql(&s->meta, "INSERT INTO blind VALUES (:id, :loss, :why, :witness)");
	int r = 0;

	for (unsigned int i = 0; i < n && r >= 0; i++) {
		sql_bind_int64(&q, ":id", (int64_t)i + 1);
		sql_bind_text(&q, ":loss", rows[i].loss);
		sql_bind_text(&q, ":why", rows[i].why);
		sql_bind_text(&q, ":witness", rows[i].witness);
		r = sql_run(&q);
	}
	return r;
}

int store_limitations(struct store *s, const struct limitation_row *rows, unsigned int n)
{
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = db_run(&s->meta, "DELETE FROM blind");
	if (r >= 0)
		r = insert(s, rows, n);
	return store_meta_end(s, r);
}
