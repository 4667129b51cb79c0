/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fix.h"

#include <string.h>

#include "collector/base.h"

const char *fix_of_class(const char *class)
{
	static const struct {
		const char *class, *fix;
	} fixes[] = {
		{ "PTR_FULL", "The ring between tap and guest was full: the guest or its vhost "
			      "thread did not take frames in time. Give the NIC more queues, "
			      "the VM vCPUs that are not taken away from it (steal), the tap a "
			      "longer queue (ip link set DEV txqueuelen)." },
		{ "NOMEM", "The host had no memory for a frame. Leave it more free memory "
			   "(vm.min_free_kbytes), or run fewer VMs." },
		{ "OVERRUN", "The guest offered buffers that were too small or none. Update its "
			     "virtio driver; check its MTU and mergeable buffers." },
		{ "QDISC", "The queueing discipline on the tap was full or shaped it. Raise its "
			   "limit, or the VM's bandwidth." },
		{ "SKB_COPY_DATA", "Copying between host and guest failed. Look at the VMM and the "
				   "guest's virtio driver." },
		{ "VIRTNET_HDR", "The guest sent frames with a bad virtio-net header. Update its "
				 "virtio driver, or switch its offloads off." },
		{ "GSO", "A large frame could not be cut or passed on. Switch off the offload that "
			 "is at odds (ethtool -K) on one side." },
		{ "CHECKSUM",
		  "A checksum could not be made. Switch off checksum offload on one side." },
		{ "HDR_TRUNC", "The guest sent frames that were too short. Look at what it runs." },
		{ "MTU",
		  "Frames were larger than the next device takes. Make MTUs equal along the way." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fixes); i++)
		if (!strcmp(fixes[i].class, class))
			return fixes[i].fix;
	return NULL;
}
