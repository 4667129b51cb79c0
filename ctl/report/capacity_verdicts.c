/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "collector/base.h"
#include "ctl/diagnose/diagnosis.h"
#include "ctl/print/out.h"
#include "capacity.h"

/* Steps of the same length add up; a verdict of a longer one is no sharper. */
static uint64_t step_of(uint64_t span)
{
	static const uint64_t steps[] = { 60, 300, 3600, 6 * 3600, 86400 };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i] * NSEC_PER_SEC * 48 >= span)
			return steps[i] * NSEC_PER_SEC;
	return span / NSEC_PER_DAY > 400 ? 7 * NSEC_PER_DAY : NSEC_PER_DAY;
}

static json_t *fix_of(const char *text, const struct diagnosis_span *s)
{
	_cleanup_(freep) char *fix = text ? verdict_fix(text, s->nic, s->ring_frames) : NULL;

	return out_text(fix);
}

static json_t *row_of(const struct reader *v, int64_t vm_id, const struct diagnosis_span *s)
{
	const struct reader_vm *vm = reader_vm(v, vm_id);
	json_t *o = json_pack("{so so so ss sI sI ss ss ss sb so}", "vm",
			      out_text(vm ? vm->name : NULL), "uuid",
			      out_text(vm ? vm->uuid : NULL), "nic", out_text(s->nic), "direction",
			      s->direction, "from_ns", (json_int_t)s->from_ns, "to_ns",
			      (json_int_t)s->to_ns, "cause", s->rule->id, "title", s->rule->title,
			      "confidence", confidence_word(s->confidence), "benign",
			      s->rule->benign, "frames", out_int(s->frames));

	if (!o)
		abort();
	json_object_set_new(o, "fix_host", fix_of(s->rule->host, s));
	json_object_set_new(o, "fix_xml", fix_of(s->rule->xml, s));
	json_object_set_new(o, "fix_guest", fix_of(s->rule->guest, s));
	return o;
}

int capacity_add_verdicts(json_t *root, struct reader *v, const struct capacity_options *o,
			  const struct capacity_top *top)
{
	const struct window *w = &o->window;
	uint64_t step = step_of(w->until_ns - w->since_ns);
	json_t *rows = json_array();
	int r = 0;

	for (unsigned int i = 0; i < top->n && o->verdicts && r >= 0; i++) {
		struct diagnosis_history h = { 0 };

		r = diagnosis_past(v, top->vms[i], w->since_ns, w->until_ns, step, &h);
		for (size_t k = 0; k < h.n; k++)
			json_array_append_new(rows, row_of(v, top->vms[i], &h.all[k]));
		diagnosis_history_free(&h);
	}
	json_object_set_new(root, "verdict_step_ns", out_int(step));
	json_object_set_new(root, "verdicts", rows);
	return r;
}
