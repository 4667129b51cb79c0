/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domxml.h"

#include <ctype.h>
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"

static void doc_free(xmlDocPtr *doc)
{
	if (*doc)
		xmlFreeDoc(*doc);
}

static void text_free(xmlChar **text)
{
	xmlFree(*text);
}

static xmlNode *child(xmlNode *parent, const char *name)
{
	for (xmlNode *n = parent ? parent->children : NULL; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE && !strcmp((const char *)n->name, name))
			return n;
	return NULL;
}

/* An attribute's value into @ret, "" when there is none; cut to its size. */
static void attribute(xmlNode *node, const char *name, char *ret, size_t size)
{
	_cleanup_(text_free) xmlChar *text = node ? xmlGetProp(node, (const xmlChar *)name) : NULL;

	snprintf(ret, size, "%s", text ? (const char *)text : "");
}

static void read_network(xmlNode *source, struct owner_nic *nic)
{
	static const char *const names[] = { "network", "bridge", "dev" };

	for (size_t i = 0; i < ARRAY_SIZE(names) && !nic->network[0]; i++)
		attribute(source, names[i], nic->network, sizeof(nic->network));
}

static void read_driver(xmlNode *driver, struct owner_nic *nic)
{
	char name[16], queues[16];

	attribute(driver, "name", name, sizeof(name));
	attribute(driver, "queues", queues, sizeof(queues));
	if (!strcmp(name, "qemu"))
		snprintf(nic->backend, sizeof(nic->backend), "userspace");
	else if (!strcmp(name, "vhost"))
		snprintf(nic->backend, sizeof(nic->backend), "vhost");
	nic->queues = queues[0] ? (uint16_t)strtoul(queues, NULL, 10) : 1;
}

/* What carries an interface that has no tap: from its type, and its backend for "user". */
static const char *unseen_kind(xmlNode *node)
{
	static const struct {
		const char *type, *kind;
	} kinds[] = {
		{ "vhostuser", "vhost-user" }, { "hostdev", "hostdev" }, { "vdpa", "vdpa" },
		{ "user", "user" },	       { "null", "null" },	 { "mcast", "socket" },
		{ "server", "socket" },	       { "client", "socket" },	 { "udp", "socket" },
	};
	char type[32], backend[32];

	attribute(node, "type", type, sizeof(type));
	attribute(child(node, "backend"), "type", backend, sizeof(backend));
	if (!strcmp(backend, "passt"))
		return "passt";
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(type, kinds[i].type))
			return kinds[i].kind;
	return "other";
}

/* "0000:65:02.1" from <address type='pci' domain='0x0000' bus='0x65' slot='0x02' function='0x1'/>;
 * "" when there is none. */
static void pci_address(xmlNode *address, char *ret, size_t size)
{
	static const char *const parts[] = { "domain", "bus", "slot", "function" };
	unsigned long n[ARRAY_SIZE(parts)];
	char text[16];

	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		attribute(address, parts[i], text, sizeof(text));
		if (!text[0])
			return;
		n[i] = strtoul(text, NULL, 16);
	}
	snprintf(ret, size, "%04lx:%02lx:%02lx.%lx", n[0], n[1], n[2], n[3]);
}

static int read_unseen(xmlNode *node, struct owner_vm *vm)
{
	struct owner_unseen *u = owner_vm_add_unseen(vm);
	xmlNode *source = child(node, "source");
	char mac[32];

	if (!u)
		return -ENOMEM;
	snprintf(u->kind, sizeof(u->kind), "%s", unseen_kind(node));
	attribute(child(node, "mac"), "address", mac, sizeof(mac));
	owner_parse_mac(mac, u->mac);
	attribute(source, "path", u->detail, sizeof(u->detail));
	if (!u->detail[0])
		attribute(source, "dev", u->detail, sizeof(u->detail));
	if (!u->detail[0])
		pci_address(child(source, "address"), u->detail, sizeof(u->detail));
	return 0;
}

/* An interface without a device on the host is no tap; so is that of a domain that is off, and
 * then the state of the VM says so. */
static int read_interface(xmlNode *node, struct owner_vm *vm)
{
	struct owner_nic *nic;
	char ifname[64], mac[32];

	attribute(child(node, "target"), "dev", ifname, sizeof(ifname));
	if (!ifname[0] || strlen(ifname) >= sizeof(nic->ifname) ||
	    !strcmp(unseen_kind(node), "vhost-user"))
		return read_unseen(node, vm);
	nic = owner_vm_add_nic(vm);
	if (!nic)
		return -ENOMEM;
	snprintf(nic->ifname, sizeof(nic->ifname), "%.15s", ifname);
	attribute(child(node, "mac"), "address", mac, sizeof(mac));
	owner_parse_mac(mac, nic->mac);
	read_network(child(node, "source"), nic);
	read_driver(child(node, "driver"), nic);
	return 0;
}

/* Labels. */

static int label_text(struct owner_vm *vm, const char *key, xmlNode *node)
{
	_cleanup_(text_free) xmlChar *text = node ? xmlNodeGetContent(node) : NULL;

	return text ? owner_vm_label(vm, key, (const char *)text) : 0;
}

static int label_attribute(struct owner_vm *vm, const char *key, xmlNode *node, const char *name)
{
	char text[OWNER_LABEL_BYTES + 1];

	attribute(node, name, text, sizeof(text));
	return owner_vm_label(vm, key, text);
}

/* OpenStack's <nova:instance>, as nova/virt/libvirt/config.py writes it. */
static int read_nova(xmlNode *instance, struct owner_vm *vm)
{
	xmlNode *owner = child(instance, "owner"), *project = child(owner, "project");
	int r = label_text(vm, "display_name", child(instance, "name"));

	if (r >= 0)
		r = label_text(vm, "project", project);
	if (r >= 0)
		r = label_attribute(vm, "project_id", project, "uuid");
	if (r >= 0)
		r = label_text(vm, "user", child(owner, "user"));
	if (r >= 0)
		r = label_attribute(vm, "flavor", child(instance, "flavor"), "name");
	return r;
}

/* KubeVirt calls a domain NAMESPACE_NAME; Kubernetes' names have no underscore. */
static int read_kubevirt(struct owner_vm *vm)
{
	char namespace[64], *under = strchr(vm->name, '_');
	int r;

	if (!under || under == vm->name || (size_t)(under - vm->name) >= sizeof(namespace))
		return 0;
	snprintf(namespace, sizeof(namespace), "%.*s", (int)(under - vm->name), vm->name);
	r = owner_vm_label(vm, "namespace", namespace);
	return r < 0 ? r : owner_vm_label(vm, "vmi", under + 1);
}

static int read_labels(xmlNode *domain, struct owner_vm *vm)
{
	xmlNode *metadata = child(domain, "metadata");
	int r = label_text(vm, "title", child(domain, "title"));

	if (r >= 0 && child(metadata, "instance"))
		r = read_nova(child(metadata, "instance"), vm);
	if (r >= 0 && child(metadata, "kubevirt"))
		r = read_kubevirt(vm);
	return r;
}

static int read_identity(xmlNode *domain, struct owner_vm *vm)
{
	xmlNode *name = child(domain, "name"), *uuid = child(domain, "uuid");
	_cleanup_(text_free) xmlChar *name_text = name ? xmlNodeGetContent(name) : NULL;
	_cleanup_(text_free) xmlChar *uuid_text = uuid ? xmlNodeGetContent(uuid) : NULL;

	if (!name_text || !uuid_text || strlen((const char *)uuid_text) != 36)
		return -EINVAL;
	for (int i = 0; i < 36; i++)
		vm->uuid[i] = (char)tolower(uuid_text[i]);
	vm->ident = strdup(vm->uuid);
	vm->name = owner_clean_name((const char *)name_text, strlen((const char *)name_text));
	return vm->ident && vm->name ? 0 : -ENOMEM;
}

static int read_domain(xmlNode *domain, struct owner_vm *vm)
{
	xmlNode *devices = child(domain, "devices");
	int r;

	if (!domain || strcmp((const char *)domain->name, "domain") != 0)
		return -EINVAL;
	r = read_identity(domain, vm);
	for (xmlNode *n = devices ? devices->children : NULL; r >= 0 && n; n = n->next)
		if (n->type == XML_ELEMENT_NODE && !strcmp((const char *)n->name, "interface"))
			r = read_interface(n, vm);
	return r < 0 ? r : read_labels(domain, vm);
}

int domxml_parse(const char *xml, struct owner_vm *ret)
{
	_cleanup_(doc_free) xmlDocPtr doc = NULL;
	_cleanup_(owner_vm_free) struct owner_vm vm = { 0 };
	size_t len = strlen(xml);
	int r;

	if (len > INT32_MAX)
		return -EINVAL;
	doc = xmlReadMemory(xml, (int)len, NULL, NULL,
			    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
				    XML_PARSE_NOCDATA);
	if (!doc)
		return -EINVAL;
	r = read_domain(xmlDocGetRootElement(doc), &vm);
	if (r < 0)
		return r;
	*ret = vm;
	vm = (struct owner_vm){ 0 };
	return 0;
}
