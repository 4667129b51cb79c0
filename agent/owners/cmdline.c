/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmdline.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "owner.h"
#include "collector/alloc.h"
#include "collector/base.h"

/* One option's value as a flat set of words: from "type,a=b,c=d" or from {"a":"b"}. */
struct words {
	json_t *object;
};

static int put_word(json_t *o, const char *key, size_t key_len, const char *value, size_t len)
{
	char name[64];
	json_t *s;

	if (key_len >= sizeof(name))
		return 0;	/* no key that we look for */
	memcpy(name, key, key_len);
	name[key_len] = '\0';
	s = json_stringn_nocheck(value, len);
	return s && json_object_set_new_nocheck(o, name, s) == 0 ? 0 : -ENOMEM;
}

/* Ends at a single comma; ",," is a comma in the value. Returns where the next word begins, and the
 * value unquoted. */
static const char *take_value(const char *at, char *value, size_t *ret_len)
{
	size_t n = 0;

	while (*at) {
		if (at[0] == ',' && at[1] != ',')
			break;
		at += at[0] == ',';
		value[n++] = *at++;
	}
	*ret_len = n;
	return *at == ',' ? at + 1 : at;
}

static int parse_words(const char *text, const char *first, json_t *o)
{
	_cleanup_(freep) char *value = malloc(strlen(text) + 1);
	bool leading = true;

	if (!value)
		return -ENOMEM;
	while (*text) {
		size_t eq = strcspn(text, "=,"), len;
		int r;

		if (text[eq] == '=') {
			const char *key = text;

			text = take_value(text + eq + 1, value, &len);
			r = put_word(o, key, eq, value, len);
		} else {
			text = take_value(text, value, &len);
			r = leading ? put_word(o, first, strlen(first), value, len) : 0;
		}
		leading = false;
		if (r < 0)
			return r;
	}
	return 0;
}

static void words_free(struct words *w)
{
	json_decref(w->object);
}

/* @first: the key of a leading word without one. */
static int words_of(const char *text, const char *first, struct words *ret)
{
	ret->object = text[0] == '{' ? json_loads(text, 0, NULL) : json_object();
	if (!ret->object)
		return text[0] == '{' ? -EINVAL : -ENOMEM;
	return text[0] == '{' ? 0 : parse_words(text, first, ret->object);
}

/* "" when it is not there. Lives as long as @w. */
static const char *word(const struct words *w, const char *key)
{
	const char *s = json_string_value(json_object_get(w->object, key));

	return s ? s : "";
}

/* NICs. */

static struct cmdline_nic *nic_of(struct cmdline *c, const char *id)
{
	struct cmdline_nic *p;

	for (unsigned int i = 0; i < c->n_nics; i++)
		if (!strcmp(c->nics[i].id, id))
			return &c->nics[i];
	if (alloc_resize(c->nics, c->n_nics + 1) < 0)
		return NULL;
	p = &c->nics[c->n_nics++];
	*p = (struct cmdline_nic){ .fd = -1 };
	snprintf(p->id, sizeof(p->id), "%s", id);
	return p;
}

/* The first descriptor of "5", "33:35:36" or "[3,4]"; -1: none. */
static int first_fd(const char *text)
{
	text += *text == '[';
	return isdigit((unsigned char)*text) ? (int)strtol(text, NULL, 10) : -1;
}

static int on_netdev(struct cmdline *c, const char *text)
{
	_cleanup_(words_free) struct words w = { 0 };
	struct cmdline_nic *nic;
	int r = words_of(text, "type", &w);

	if (r < 0)
		return r == -EINVAL ? 0 : r;
	if (strcmp(word(&w, "type"), "tap") != 0)
		return 0;
	nic = nic_of(c, word(&w, "id"));
	if (!nic)
		return -ENOMEM;
	snprintf(nic->ifname, sizeof(nic->ifname), "%s", word(&w, "ifname"));
	nic->fd = first_fd(*word(&w, "fds") ? word(&w, "fds") : word(&w, "fd"));
	return 0;
}

static int on_device(struct cmdline *c, const char *text)
{
	_cleanup_(words_free) struct words w = { 0 };
	struct cmdline_nic *nic;
	int r = words_of(text, "driver", &w);

	if (r < 0)
		return r == -EINVAL ? 0 : r;
	if (!*word(&w, "netdev") || !*word(&w, "mac"))
		return 0;
	nic = nic_of(c, word(&w, "netdev"));
	if (!nic)
		return -ENOMEM;
	owner_parse_mac(word(&w, "mac"), nic->mac);
	return 0;
}

/* A NIC that one option describes whole, so that nothing has to be joined to it by an id. */
static int whole_nic(struct cmdline *c, const char *tap, const char *fd, const char *mac)
{
	struct cmdline_nic *nic;
	char id[32];

	if (!*tap && first_fd(fd) < 0)
		return 0;
	snprintf(id, sizeof(id), "/%u", c->n_nics);	/* no id of QEMU's has a slash */
	nic = nic_of(c, id);
	if (!nic)
		return -ENOMEM;
	snprintf(nic->ifname, sizeof(nic->ifname), "%s", tap);
	nic->fd = first_fd(fd);
	owner_parse_mac(mac, nic->mac);
	return 0;
}

/* QEMU: -nic tap,ifname=NAME,mac=... */
static int on_nic(struct cmdline *c, const char *text)
{
	_cleanup_(words_free) struct words w = { 0 };
	int r = words_of(text, "type", &w);

	if (r < 0)
		return r == -EINVAL ? 0 : r;
	if (strcmp(word(&w, "type"), "tap") != 0)
		return 0;
	return whole_nic(c, word(&w, "ifname"), *word(&w, "fds") ? word(&w, "fds") : word(&w, "fd"),
			 word(&w, "mac"));
}

/* cloud-hypervisor: --net tap=NAME,mac=... or fd=[3,4]; crosvm: --net tap-name=NAME,mac=... */
static int on_net(struct cmdline *c, const char *text)
{
	_cleanup_(words_free) struct words w = { 0 };
	int r = words_of(text, "type", &w);

	if (r < 0)
		return r == -EINVAL ? 0 : r;
	return whole_nic(c, *word(&w, "tap") ? word(&w, "tap") : word(&w, "tap-name"),
			 *word(&w, "fd") ? word(&w, "fd") : word(&w, "tap-fd"), word(&w, "mac"));
}

/* kvmtool: --network mode=tap,tapif=NAME,guest_mac=... */
static int on_network(struct cmdline *c, const char *text)
{
	_cleanup_(words_free) struct words w = { 0 };
	int r = words_of(text, "mode", &w);

	if (r < 0)
		return r == -EINVAL ? 0 : r;
	return whole_nic(c, word(&w, "tapif"), "", word(&w, "guest_mac"));
}

/* Names. */

static int set_name(struct cmdline *c, const char *bytes, size_t len)
{
	char *name = owner_clean_name(bytes, len);

	if (!name)
		return -ENOMEM;
	free(c->name);
	c->name = name;
	return 0;
}

/* "NAME", "NAME,process=x", "guest=NAME,debug-threads=on". The name may hold any byte but NUL, so
 * it is not made a JSON word. */
static int on_qemu_name(struct cmdline *c, const char *text)
{
	_cleanup_(freep) char *value = malloc(strlen(text) + 1);
	const char *at = text;
	size_t len;

	if (!value)
		return -ENOMEM;
	for (bool leading = true; *at || leading; leading = false) {
		bool guest = !strncmp(at, "guest=", 6);
		size_t eq = strcspn(at, "=,");
		bool bare = leading && at[eq] != '=';

		at = take_value(guest ? at + 6 : at, value, &len);
		if (guest || bare)
			return set_name(c, value, len);
	}
	return 0;
}

static int on_name(struct cmdline *c, const char *text)
{
	return set_name(c, text, strlen(text));
}

/* @text into @ret in lower case; @ret stays as it is when @text is no UUID. */
static void take_uuid(const char *text, char ret[static 37])
{
	char uuid[37] = "";

	if (strlen(text) != 36)
		return;
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return;
		uuid[i] = (char)tolower((unsigned char)text[i]);
	}
	memcpy(ret, uuid, sizeof(uuid));
}

static int on_uuid(struct cmdline *c, const char *text)
{
	take_uuid(text, c->uuid);
	return 0;
}

/* -smbios type=1,uuid=...: how Proxmox gives a guest its UUID. -uuid wins, wherever it stands. */
static int on_smbios(struct cmdline *c, const char *text)
{
	_cleanup_(words_free) struct words w = { 0 };
	int r = words_of(text, "file", &w);

	if (r < 0)
		return r == -EINVAL ? 0 : r;
	if (!strcmp(word(&w, "type"), "1"))
		take_uuid(word(&w, "uuid"), c->smbios_uuid);
	return 0;
}

/* Proxmox's own option: the number by which its tools name the VM. */
static int on_vmid(struct cmdline *c, const char *text)
{
	if (strspn(text, "0123456789") == strlen(text))
		snprintf(c->vmid, sizeof(c->vmid), "%.15s", text);
	return 0;
}

static const struct option {
	const char *name;
	int (*take)(struct cmdline *c, const char *text);
	bool many;		/* all words up to the next option are values */
} options[] = {
	{ "-name", on_qemu_name, false },  { "--name", on_name, false },
	{ "--id", on_name, false },	   { "-id", on_vmid, false },
	{ "-uuid", on_uuid, false },	   { "--uuid", on_uuid, false },
	{ "-smbios", on_smbios, false },   { "-netdev", on_netdev, false },
	{ "-device", on_device, false },   { "-nic", on_nic, false },
	{ "--net", on_net, true },	   { "--network", on_network, false },
};

/* The option that @arg begins; *ret_value: what stands behind its "=", NULL: in the next word. */
static const struct option *option_of(const char *arg, const char **ret_value)
{
	size_t n = strcspn(arg, "=");

	*ret_value = arg[n] == '=' ? arg + n + 1 : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strlen(options[i].name) == n && !strncmp(arg, options[i].name, n))
			return &options[i];
	return NULL;
}

static int parse(const char *text, size_t len, struct cmdline *c)
{
	const struct option *at = NULL;		/* it takes the next word */
	const char *end = text + len, *value;
	int r = 0;

	for (const char *arg = text; r >= 0 && arg < end; arg += strlen(arg) + 1) {
		if (at && (!at->many || arg[0] != '-')) {
			r = at->take(c, arg);
			at = at->many ? at : NULL;
			continue;
		}
		at = arg[0] == '-' ? option_of(arg, &value) : NULL;
		if (at && value) {
			r = at->take(c, value);
			at = at->many ? at : NULL;
		}
	}
	return r;
}

int cmdline_parse(const char *text, size_t len, struct cmdline *ret)
{
	_cleanup_(freep) char *copy = malloc(len + 1);
	struct cmdline c = { 0 };
	int r;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';	/* a process may have written over its arguments' ends */
	r = parse(copy, len, &c);
	if (r < 0) {
		cmdline_free(&c);
		return r;
	}
	if (!c.uuid[0])
		memcpy(c.uuid, c.smbios_uuid, sizeof(c.uuid));
	*ret = c;
	return 0;
}

void cmdline_free(struct cmdline *c)
{
	free(c->name);
	free(c->nics);
	*c = (struct cmdline){ 0 };
}
