/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/loss/class.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/options/usage.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/when.h"
#include "ctl/query/mask.h"
#include "ctl/query/vmref.h"
#include "commands.h"

static const struct column columns[] = {
	{ "id", "ID", COL_TEXT },	   { "state", "STATE", COL_TEXT },
	{ "class", "CLASS", COL_TEXT },	   { "kernel_reason", "KERNEL", COL_TEXT },
	{ "site", "SITE", COL_TEXT },	   { "vm", "VM", COL_NAME },
	{ "uuid", "UUID", COL_TEXT },	   { "nic", "NIC", COL_NAME },
	{ "added_ns", "ADDED", COL_TIME }, { "note", "WHY", COL_LONG },
};

struct request {
	struct global g;
	struct mask mask;
	bool described; /* any of the options that describe a mask */
};

static json_t *mask_object(const struct reader *v, const struct mask *m)
{
	const char *name = m->vm;

	for (size_t i = 0; m->uuid && i < v->n_vms; i++)	/* what it is called by now */
		if (v->vms[i].id && v->vms[i].uuid && !strcasecmp(v->vms[i].uuid, m->uuid))
			name = v->vms[i].name;
	return json_pack("{so ss so so so so so so so so}", "id", out_text(m->id), "state",
			 m->off	       ? "off"
			 : m->added_ns ? "on"
				       : "built-in",
			 "class", out_text(m->class), "kernel_reason", out_text(m->reason), "site",
			 out_text(m->site), "vm", out_text(name), "uuid", out_text(m->uuid), "nic",
			 out_text(m->nic), "added_ns",
			 m->added_ns ? out_int(m->added_ns) : json_null(), "note",
			 out_text(m->note));
}

/* A table leaves out what no mask speaks of, and the UUID. */
static bool has_value(const json_t *rows, const char *key)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(key, "uuid") != 0 && !json_is_null(json_object_get(row, key)))
			return true;
	return false;
}

static void print_table(const struct global *g, const json_t *rows)
{
	struct column shown[ARRAY_SIZE(columns)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		if (has_value(rows, columns[i].key))
			shown[n++] = columns[i];
	out_table(g, shown, n, rows);
}

/* @id NULL: all. */
static int print(const struct global *g, const char *id)
{
	struct reader *v = query_begin(g->store);
	json_t *rows = json_array();
	int status = EXIT_FAILED;

	for (size_t i = 0; v && i < v->masks->n; i++)
		if (!id || !strcmp(v->masks->all[i].id, id))
			json_array_append_new(rows, mask_object(v, &v->masks->all[i]));
	if (v && g->format == FORMAT_JSON) {
		status = out_json(json_pack("{sO}", "masks", rows));
	} else if (v) {
		if (g->format == FORMAT_CSV)
			out_csv(columns, ARRAY_SIZE(columns), rows);
		else
			print_table(g, rows);
		status = out_done();
	}
	json_decref(rows);
	query_end(v);
	return status;
}

static int list(struct request *rq, int argc, char **argv)
{
	return argc ? usage_error(&cmd_mask, "list: unexpected argument \"%.60s\"", argv[0])
		    : print(&rq->g, NULL);
}

/* The VM is looked up now: a name may be another's some day, a UUID is not. */
static int find_vm(struct request *rq, struct reader *v)
{
	const struct reader_vm *vm;
	struct vmref ref;
	int r = vmref_find(v, rq->mask.vm, &ref);

	if (r < 0)
		return r;
	vm = reader_vm(v, ref.vm_id);
	if (!vm) {
		message_error("--vm: device \"%.60s\" belongs to no VM; use --nic",
			      rq->mask.vm);
		return -ENOENT;
	}
	rq->mask.vm = vm->name;
	rq->mask.uuid = vm->uuid;
	return 0;
}

static int add(struct request *rq, int argc, char **argv)
{
	const struct mask *m = &rq->mask;
	_cleanup_(freep) char *id = NULL;
	struct reader *v;
	int r;

	if (argc)
		return usage_error(&cmd_mask, "add: unexpected argument \"%.60s\"", argv[0]);
	if (!m->class && !m->reason && !m->site && !m->vm && !m->nic)
		return usage_error(
			&cmd_mask,
			"add needs at least one of --class, --reason, --site, --vm and --nic");
	v = query_begin(rq->g.store);
	if (!v)
		return EXIT_FAILED;
	r = m->vm ? find_vm(rq, v) : 0;
	rq->mask.added_ns = now_ns();
	if (r >= 0)
		r = masks_add(rq->g.store, m, &id, v->why);
	query_end(v);
	return r < 0 ? EXIT_FAILED : print(&rq->g, id);
}

static int each(struct request *rq, int argc, char **argv,
		int (*fn)(const char *dir, const char *id, char why[static READER_WHY]),
		const char *what)
{
	struct reader *v;
	int r;

	if (!argc)
		return usage_error(&cmd_mask, "%s needs the ID of a mask; see taplossctl mask list",
				   what);
	v = query_begin(rq->g.store);	/* reports that there is no store */
	r = v ? 0 : -ENOENT;
	for (int i = 0; i < argc && r >= 0; i++)
		r = fn(rq->g.store, argv[i], v->why);
	query_end(v);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

static int remove_them(struct request *rq, int argc, char **argv)
{
	return each(rq, argc, argv, masks_remove, "remove");
}

static int restore(struct request *rq, int argc, char **argv)
{
	return each(rq, argc, argv, masks_restore, "restore");
}

static int set_pattern(const char **at, const char *option, const char *value)
{
	*at = value;
	if (*value && strcmp(value, "*") != 0)
		return 1;
	message_error("%s: \"%s\" would match every loss", option, value);
	return -1;
}

enum { OPT_REASON = OPT_OWN, OPT_SITE, OPT_NOTE };

static int own_option(void *arg, int opt, const char *value)
{
	struct request *rq = arg;

	rq->described = true;
	switch (opt) {
	case OPT_VM:
		rq->mask.vm = value;
		return 1;
	case OPT_NIC:
		rq->mask.nic = value;
		return 1;
	case OPT_CLASS:
		rq->mask.class = class_canonical(value);
		if (rq->mask.class)
			return 1;
		message_error("--class: \"%.60s\" is not a class; for a drop reason of the kernel, "
			      "use --reason",
			      value);
		return -1;
	case OPT_REASON:
		return set_pattern(&rq->mask.reason, "--reason", value);
	case OPT_SITE:
		return set_pattern(&rq->mask.site, "--site", value);
	case OPT_NOTE:
		rq->mask.note = value;
		return 1;
	default:
		return 0;
	}
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS,
						 { "vm", required_argument, NULL, OPT_VM },
						 { "nic", required_argument, NULL, OPT_NIC },
						 { "class", required_argument, NULL, OPT_CLASS },
						 { "reason", required_argument, NULL, OPT_REASON },
						 { "site", required_argument, NULL, OPT_SITE },
						 { "note", required_argument, NULL, OPT_NOTE },
						 { 0 } };
	static const struct {
		const char *name;
		int (*run)(struct request *rq, int argc, char **argv);
	} verbs[] = {
		{ "list", list }, { "add", add }, { "remove", remove_them }, { "restore", restore }
	};
	struct request rq = { .g = *g };
	const struct options o = {
		.cmd = &cmd_mask,
		.table = options,
		.global = &rq.g,
		.own = own_option,
		.arg = &rq,
	};
	int status;

	if (!options_read(&o, argc, argv, &status))
		return status;
	for (size_t i = 0; optind < argc && i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(argv[optind], verbs[i].name) != 0)
			continue;
		if (rq.described && verbs[i].run != add)
			return usage_error(&cmd_mask, "--class, --reason, --site, --vm, --nic and "
						      "--note are for add only");
		return verbs[i].run(&rq, argc - optind - 1, argv + optind + 1);
	}
	return usage_error(&cmd_mask, "expected list, add, remove or restore");
}

static const char details[] =
	"  list             list all masks, the built-in ones first\n"
	"  add              leave out the losses that match all of these:\n"
	"    --class C      class, such as OTHER\n"
	"    --reason R     drop reason of the kernel, such as OTHERHOST\n"
	"    --site S       kernel function that dropped the frame\n"
	"                   (in R and S, a * at the end matches anything)\n"
	"    --vm VM        VM: name, UUID, MAC address or tap\n"
	"    --nic NAME     network device\n"
	"    --note TEXT    why the mask is there\n"
	"  remove ID...     delete masks; built-in masks are switched off\n"
	"  restore ID...    switch built-in masks on again\n";

const struct cmd cmd_mask = {
	.name = "mask",
	.args = "list|add|remove|restore",
	.help = "manage masks, which leave losses out of all figures",
	.details = details,
	.run = run,
};
