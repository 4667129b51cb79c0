/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "collector/base.h"
#include "collector/probe/wire.h"

struct probe_vm {
	virConnectPtr conn;
	virDomainPtr dom;
	bool made;	/* here */
};

static void be_quiet(void *arg _unused_, virErrorPtr error _unused_)
{
}

static int fail(char why[static 512], const char *what)
{
	const char *text = virGetLastErrorMessage();

	snprintf(why, 512, "%s: %.400s", what, text && *text ? text : "no reason from libvirt");
	return -EIO;
}

/* For XML, in single quotes. */
static void quoted(char *ret, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text && n + 7 < size; text++)
		n += (size_t)(*text == '&'    ? snprintf(ret + n, size - n, "&amp;")
			      : *text == '<'  ? snprintf(ret + n, size - n, "&lt;")
			      : *text == '\'' ? snprintf(ret + n, size - n, "&apos;")
					      : snprintf(ret + n, size - n, "%c", *text));
	ret[n] = '\0';
}

static bool has_kvm(virConnectPtr conn)
{
	char *caps = virConnectGetDomainCapabilities(conn, NULL, NULL, NULL, "kvm", 0);
	bool yes = caps;

	free(caps);
	return yes;
}

static void name_it(struct vm_facts *f)
{
	uint8_t b[4] = { 0 };

	if (getrandom(b, sizeof(b), 0) < 0)
		memcpy(b, &f, sizeof(b));
	snprintf(f->name, sizeof(f->name), "taploss-probe-%02x%02x%02x%02x", b[0], b[1], b[2],
		 b[3]);
	snprintf(f->tap, sizeof(f->tap), "tlp%02x%02x%02x%02x", b[0], b[1], b[2], b[3]);
	snprintf(f->mac, sizeof(f->mac), "52:54:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3]);
}

static int interface_xml(char *ret, size_t size, const struct vm_options *o,
			 const struct vm_facts *f)
{
	bool direct = !strcmp(o->type, "direct");
	char source[160];

	quoted(source, sizeof(source), o->source);
	return snprintf(ret, size,
			"<interface type='%s'><mac address='%s'/><source %s='%s'%s/><target "
			"dev='%s'/><model type='virtio'/>"
			"<driver queues='%u'/></interface>",
			o->type, f->mac, direct ? "dev" : o->type, source,
			direct ? " mode='bridge'" : "", f->tap, o->queues);
}

static void domain_xml(char *ret, size_t size, const struct vm_options *o, const struct vm_facts *f,
		       const struct image *image)
{
	char nic[1024];

	interface_xml(nic, sizeof(nic), o, f);
	snprintf(
		ret, size,
		"<domain type='%s'><name>%s</name><memory unit='MiB'>%u</memory><vcpu>%u</vcpu>"
		"<os><type machine='q35'>hvm</type><kernel>%s</kernel><initrd>%s</initrd>"
		"<cmdline>console=ttyS0 panic=-1 quiet mitigations=off net.ifnames=0</cmdline></os>"
		"<features><acpi/></features><cpu mode='%s'/><clock offset='utc'/>"
		"<on_poweroff>destroy</on_poweroff><on_reboot>destroy</"
		"on_reboot><on_crash>destroy</on_crash>"
		"<devices><controller type='usb' model='none'/><memballoon model='none'/>%s"
		"<serial type='file'><source path='%s/console'/></serial>"
		"<channel type='unix'><source mode='bind'/><target type='virtio' name='" WIRE_PORT
		"'/></channel></devices></domain>",
		f->kvm ? "kvm" : "qemu", f->name, o->memory_mib, o->cpus, image->kernel,
		image->initrd, f->kvm ? "host-passthrough" : "maximum", nic, image->dir);
}

static void xpath(xmlXPathContext *xp, const char *what, char *ret, size_t size)
{
	xmlXPathObject *o = xmlXPathEvalExpression((const xmlChar *)what, xp);
	xmlChar *text = o ? xmlXPathCastToString(o) : NULL;

	snprintf(ret, size, "%s", text ? (const char *)text : "");
	xmlFree(text);
	xmlXPathFreeObject(o);
}

/* The interface that is meant, as an XPath. A name or an address has no quotes. */
static int interface_path(const char *nic, char *ret, size_t size)
{
	if (!nic)
		snprintf(ret, size, "(//interface)[1]");
	else if (strchr(nic, '\'') || strlen(nic) > 32)
		return -EINVAL;
	else
		snprintf(ret, size, "(//interface[mac/@address='%s' or target/@dev='%s'])[1]", nic,
			 nic);
	return 0;
}

static void read_interface(xmlXPathContext *xp, const char *nic, struct vm_facts *f)
{
	char at[128], what[192];

	if (interface_path(nic, at, sizeof(at)) < 0)
		return;
	snprintf(what, sizeof(what), "string(%s/target/@dev)", at);
	xpath(xp, what, f->tap, sizeof(f->tap));
	snprintf(what, sizeof(what), "string(%s/source/@bridge)", at);
	xpath(xp, what, f->bridge, sizeof(f->bridge));
	snprintf(what, sizeof(what), "string(%s/mac/@address)", at);
	xpath(xp, what, f->mac, sizeof(f->mac));
}

/* What libvirt says of it. */
static int read_facts(struct probe_vm *vm, const char *nic, struct vm_facts *f,
		      char why[static 512])
{
	char *xml = virDomainGetXMLDesc(vm->dom, 0), type[16] = "";
	xmlDoc *doc = xml ? xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
					  XML_PARSE_NONET | XML_PARSE_NOERROR)
			  : NULL;
	xmlXPathContext *xp = doc ? xmlXPathNewContext(doc) : NULL;

	free(xml);
	if (xp) {
		xpath(xp, "string(/domain/@type)", type, sizeof(type));
		xpath(xp, "string(//channel[target/@name='" WIRE_PORT "']/source/@path)",
		      f->channel, sizeof(f->channel));
		read_interface(xp, nic, f);
	}
	xmlXPathFreeContext(xp);
	xmlFreeDoc(doc);
	f->kvm = !strcmp(type, "kvm");
	if (f->channel[0] && f->tap[0])
		return 0;
	if (!f->channel[0])
		snprintf(why, 512,
			 "VM %s has no channel " WIRE_PORT
			 " that this host can reach; add one to its XML: <channel type='unix'>"
			 "<target type='virtio' name='" WIRE_PORT "'/></channel>",
			 f->name);
	else
		snprintf(why, 512,
			 "VM %s has no interface%s%.32s on a tap or macvtap; name one with --nic",
			 f->name, nic ? " " : "", nic ? nic : "");
	return -ENXIO;
}

static int connect_to(const char *uri, struct probe_vm **ret, char why[static 512])
{
	struct probe_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return -ENOMEM;
	virSetErrorFunc(NULL, be_quiet);
	vm->conn = virConnectOpen(uri);
	if (!vm->conn) {
		vm_stop(vm);
		return fail(why, "cannot connect to libvirt; set --connect URI");
	}
	*ret = vm;
	return 0;
}

int vm_start(const struct vm_options *opt, const struct image *image, struct probe_vm **ret,
	     struct vm_facts *facts, char why[static 512])
{
	struct probe_vm *vm = NULL;
	char xml[4096];
	int r = connect_to(opt->uri, &vm, why);

	if (r < 0)
		return r;
	*facts = (struct vm_facts){ 0 };
	name_it(facts);
	facts->kvm = !opt->no_kvm && has_kvm(vm->conn);
	if (opt->only_kvm && !facts->kvm) {
		snprintf(why, 512, "libvirt cannot use KVM on this host; use --accel tcg");
		vm_stop(vm);
		return -ENODEV;
	}
	domain_xml(xml, sizeof(xml), opt, facts, image);
	vm->made = true;
	vm->dom = virDomainCreateXML(vm->conn, xml, VIR_DOMAIN_START_AUTODESTROY);
	r = vm->dom ? read_facts(vm, NULL, facts, why)
		    : fail(why, "the probe VM cannot be started");
	if (r < 0)
		vm_stop(vm);
	else
		*ret = vm;
	return r;
}

int vm_find(const struct vm_options *opt, struct probe_vm **ret, struct vm_facts *facts,
	    char why[static 512])
{
	struct probe_vm *vm = NULL;
	int r = connect_to(opt->uri, &vm, why);

	if (r < 0)
		return r;
	*facts = (struct vm_facts){ 0 };
	snprintf(facts->name, sizeof(facts->name), "%s", opt->vm);
	vm->dom = virDomainLookupByName(vm->conn, opt->vm);
	if (!vm->dom)
		vm->dom = virDomainLookupByUUIDString(vm->conn, opt->vm);
	if (!vm->dom) {
		snprintf(why, 512, "no VM \"%.60s\" in libvirt; see virsh list", opt->vm);
		r = -ENOENT;
	} else if (!vm_runs(vm)) {
		snprintf(why, 512, "VM \"%.60s\" is not running", opt->vm);
		r = -ESRCH;
	} else {
		r = read_facts(vm, opt->nic, facts, why);
	}
	if (r < 0)
		vm_stop(vm);
	else
		*ret = vm;
	return r;
}

bool vm_runs(struct probe_vm *vm)
{
	return virDomainIsActive(vm->dom) == 1;
}

bool vm_is_paused(struct probe_vm *vm)
{
	int state = VIR_DOMAIN_NOSTATE, reason;

	return virDomainGetState(vm->dom, &state, &reason, 0) == 0 && state == VIR_DOMAIN_PAUSED;
}

struct probe_vm *vm_stop(struct probe_vm *vm)
{
	if (!vm)
		return NULL;
	if (vm->dom && vm->made)
		virDomainDestroy(vm->dom);
	if (vm->dom)
		virDomainFree(vm->dom);
	if (vm->conn)
		virConnectClose(vm->conn);
	free(vm);
	return NULL;
}
