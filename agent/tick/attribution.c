/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attribution.h"

#include <stdio.h>
#include <string.h>

#include "path.h"

/* The kernel named no device, only the process at work: a VM with one tap of that kind lost it
 * there. */
static const struct tap *tap_at_work(const struct attribution *a,
				     const struct loss_counter *line, int64_t *ret_vm_id)
{
	const struct owner_vm *vm =
		line->key.task ? resolve_owner_pid(a->lists, (int)line->key.task) : NULL;
	bool tun = !strncmp(line->site, "tun_", 4);

	*ret_vm_id = vm ? tapmap_vm_id(a->taps, vm->ident) : 0;
	return tun || !strncmp(line->site, "tap_", 4) ? tapmap_only(a->taps, *ret_vm_id, tun)
						      : NULL;
}

void attribution_of(const struct attribution *a, const struct loss_counter *line,
		    struct loss_owner *ret)
{
	const struct tl_loss_key *key = &line->key;
	const struct tap *t = NULL;
	char device[24];

	memset(ret, 0, sizeof(*ret));
	if (key->kind == TL_KIND_PATH)
		t = path_tap(a->taps, a->links, key);
	else if (key->ifindex)
		t = tapmap_find(a->taps, key->netns, key->ifindex);
	else
		t = tap_at_work(a, line, &ret->vm_id);
	ret->counter =
		line->class.counter ? line->class.counter : extra_counter(a->extra, t, line);
	if (t) {
		ret->device_id = t->device_id;
		ret->attachment_id = t->attachment_id;
		ret->vm_id = t->vm_id;
	}
	if (line->class.place) {
		path_device(a->source, a->links, key->netns, key->ifindex, device);
		snprintf(ret->place, sizeof(ret->place), "%.15s %.23s", line->class.place, device);
	}
	path_sender(a->source, a->taps, a->links, key, &ret->sender_vm_id, ret->sender);
}
