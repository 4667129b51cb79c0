/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virt_domain - one libvirt domain as a VM with its NICs and its state in one word. These calls
 * wait for libvirtd: the worker's only. */
#ifndef TAPLOSS_AGENT_OWNERS_VIRT_DOMAIN_H
#define TAPLOSS_AGENT_OWNERS_VIRT_DOMAIN_H

#include <libvirt/libvirt.h>

#include "owner.h"

/* What libvirt's last failed call means: -ENOENT: the domain went, which is news; -EIO: nothing can
 * be said of any. */
int virtdomain_error(void);

/* The caller clears *ret with owner_vm_free(). As virtdomain_error(), or as domxml_parse(). */
int virtdomain_read(virDomainPtr dom, struct owner_vm *ret);

#endif
