/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domxml.h"

#include <ctype.h>
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
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

/* 0 also for an interface without a device on the host (user, vhostuser, a domain that is off). */
static int read_interface(xmlNode *node, struct owner_vm *vm)
{
	struct owner_nic *nic;
	char ifname[64], mac[32];

	attribute(child(node, "target"), "dev", ifname, sizeof(ifname));
	if (!ifname[0] || strlen(ifname) >= sizeof(nic->ifname))
		return 0;
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
	return r;
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
