/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domxml - a libvirt domain's XML: its name, UUID and the host side of its interfaces. Pure;
 * hostile input is refused or cut, never followed: no network, no entities, no limits lifted. */
#ifndef TAPLOSS_AGENT_OWNERS_DOMXML_H
#define TAPLOSS_AGENT_OWNERS_DOMXML_H

#include "owner.h"

/* Fills name, uuid, ident and NICs that have a device on the host; the rest is left 0. -EINVAL: not
 * a domain; -ENOMEM. */
int domxml_parse(const char *xml, struct owner_vm *ret);

#endif
