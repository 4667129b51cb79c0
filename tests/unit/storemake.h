/* SPDX-License-Identifier: GPL-2.0-or-later */
/* storemake - an open store, and a VM, a device, a series in it. Header only. */
#ifndef TAPLOSS_TESTS_UNIT_STOREMAKE_H
#define TAPLOSS_TESTS_UNIT_STOREMAKE_H

#include "agent/store/store.h"
#include "tests/unit/storetest.h"

#define SEC NSEC_PER_SEC

static inline struct store *must_open(const char *dir)
{
	static const struct store_options no_limits;
	struct store *s = NULL;
	char why[SCHEMA_WHY];
	int r = store_open(dir, &no_limits, &s, why);

	if (r < 0)
		fail_msg("%s: %s", strerror(-r), why);
	return s;
}

static inline void must(struct store *s, int r)
{
	if (r < 0)
		fail_msg("%s: %s", strerror(-r), store_error(s));
}

static inline int64_t a_vm(struct store *s, const char *ident, const char *name)
{
	int64_t id;

	must(s, store_vm(s,
			 &(struct store_vm){
				 .ident = ident,
				 .uuid = ident,
				 .name = name,
				 .state = "running",
			 },
			 NOON, &id));
	return id;
}

static inline int64_t a_device(struct store *s, uint32_t ifindex, bool *known)
{
	int64_t id;

	must(s, store_device(s,
			     &(struct store_device){
				     .boot_id = "boot",
				     .name = "vnet0",
				     .kind = "tap",
				     .netns = 4,
				     .ifindex = ifindex,
				     .since_ns = NOON,
			     },
			     &id, known));
	return id;
}

static inline int64_t a_series(struct store *s, int64_t vm, int64_t attachment, int64_t device)
{
	int64_t id;

	must(s, store_series(s,
			     &(struct store_series){
				     .vm_id = vm,
				     .attachment_id = attachment,
				     .device_id = device,
				     .queue = 1,
				     .direction = "rx",
				     .class = "PTR_FULL",
				     .kind = "capacity",
				     .reason = "FULL_RING",
				     .site = "tun_net_xmit",
			     },
			     NOON, &id));
	return id;
}

#endif
