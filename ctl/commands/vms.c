/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/options/usage.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/query/vmref.h"
#include "commands.h"

static const struct column columns[] = {
	{ "name", "VM", COL_NAME },
	{ "uuid", "UUID", COL_TEXT },
	{ "state", "STATE", COL_TEXT },
	{ "ifname", "NIC", COL_NAME },
	{ "mac", "MAC", COL_TEXT },
	{ "kind", "KIND", COL_TEXT },
	{ "backend", "BACKEND", COL_LONG },
	{ "queues", "QUEUES", COL_NUMBER },
	{ "ring_frames", "RING", COL_NUMBER },
	{ "bridge", "BRIDGE", COL_NAME },
	{ "ifindex", "IFINDEX", COL_NUMBER },
	{ "netns", "NETNS", COL_NUMBER },
	{ "since_ns", "SINCE", COL_TIME },
	{ "until_ns", "UNTIL", COL_TIME },
};

static void put(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value) < 0)
		abort();
}

static json_t *known(int n)
{
	return n < 0 ? json_null() : out_int((uint64_t)n);
}

static json_t *nic_object(const struct reader *v, const struct reader_attachment *a)
{
	const struct reader_device *d = reader_device(v, a->device_id);
	json_t *o = json_object();

	if (!o)
		abort();
	put(o, "mac", out_text(a->mac));
	put(o, "ifname", out_text(d->name));
	put(o, "ifindex", out_int(d->ifindex));
	put(o, "netns", out_int(d->netns));
	put(o, "kind", out_text(d->kind));
	put(o, "backend", out_text(a->backend));
	put(o, "queues", known(a->queues));
	put(o, "ring_frames", known(a->ring_frames));
	put(o, "bridge", out_text(a->bridge));
	put(o, "since_ns", out_int(a->since_ns));
	put(o, "until_ns", a->until_ns ? out_int(a->until_ns) : json_null());
	return o;
}

static json_t *vm_object(const struct reader *v, const struct reader_vm *vm, bool all)
{
	json_t *o = json_object(), *nics = json_array();

	if (!o || !nics)
		abort();
	put(o, "uuid", out_text(vm->uuid));
	put(o, "name", out_text(vm->name));
	put(o, "state", out_text(vm->state));
	for (size_t i = 0; i < v->n_attachments; i++) {
		const struct reader_attachment *a = &v->attachments[i];

		if (a->id && a->vm_id == vm->id && reader_device(v, a->device_id) &&
		    (all || !a->until_ns))
			json_array_append_new(nics, nic_object(v, a));
	}
	put(o, "nics", nics);
	return o;
}

/* One row for each NIC, the VM's own words in front; a VM without NICs has one row as well. */
static json_t *flat_rows(const json_t *vms)
{
	json_t *rows = json_array(), *vm, *nic, *row;
	size_t i, k;

	json_array_foreach(vms, i, vm) {
		json_t *nics = json_object_get(vm, "nics");

		json_array_foreach(nics, k, nic) {
			row = json_copy(vm);
			json_object_del(row, "nics");
			json_object_update(row, nic);
			json_array_append_new(rows, row);
		}
		if (json_array_size(nics))
			continue;
		row = json_copy(vm);
		json_object_del(row, "nics");
		json_array_append_new(rows, row);
	}
	return rows;
}

static void print_text(const struct global *g, const json_t *rows, bool all)
{
	struct column shown[ARRAY_SIZE(columns)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		bool wide = !strcmp(columns[i].key, "netns") ||
			    !strcmp(columns[i].key, "ifindex") || !strcmp(columns[i].key, "uuid");
		bool times =
			!strcmp(columns[i].key, "since_ns") || !strcmp(columns[i].key, "until_ns");

		if (!wide && (!times || all))
			shown[n++] = columns[i];
	}
	if (json_array_size(rows))
		out_table(g, shown, n, rows);
	else
		puts("no VM has a tap now (see taplossctl vms --all for former VMs, and taplossctl "
		     "status for whether taplossd is running)");
}

static int answer(const struct global *g, const char *name, bool all)
{
	struct reader *v = query_begin(g->store);
	json_t *vms = json_array(), *rows;
	struct vmref ref = { 0 };
	int status = EXIT_FAILED;

	if (!v || (name && vmref_find(v, name, &ref) < 0)) {
		json_decref(vms);
		query_end(v);
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < v->n_vms; i++) {
		const struct reader_vm *vm = &v->vms[i];

		if (vm->id && (name ? vm->id == ref.vm_id : all || strcmp(vm->state, "gone") != 0))
			json_array_append_new(vms, vm_object(v, vm, all));
	}
	if (g->format == FORMAT_JSON) {
		status = out_json(json_pack("{sO}", "vms", vms));
	} else {
		rows = flat_rows(vms);
		if (g->format == FORMAT_CSV)
			out_csv(columns, ARRAY_SIZE(columns), rows);
		else
			print_text(g, rows, all);
		json_decref(rows);
		status = out_done();
	}
	json_decref(vms);
	query_end(v);
	return status;
}

static int own_option(void *arg, int opt, const char *value)
{
	bool *all = arg;

	(void)value;
	if (opt != 'a')
		return 0;
	return *all = true;
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS,
						 { "all", no_argument, NULL, 'a' },
						 { 0 } };
	struct global mine = *g;
	bool all = false;
	const struct options o = {
		.cmd = &cmd_vms,
		.table = options,
		.letters = "a",
		.global = &mine,
		.own = own_option,
		.arg = &all,
	};
	int status;

	if (!options_read(&o, argc, argv, &status))
		return status;
	if (argc - optind > 1)
		return usage_error(&cmd_vms, "expected one VM at most");
	return answer(&mine, argv[optind], all);
}

static const char details[] =
	"  -a, --all        include VMs that are gone, and the taps they had\n";

const struct cmd cmd_vms = {
	.name = "vms",
	.args = "[VM]",
	.help = "list VMs and their network devices",
	.details = details,
	.run = run,
};
