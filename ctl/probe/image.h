/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image - what the probe VM boots: a kernel, and an initramfs of the probe and the modules it
 * needs. */
#ifndef TAPLOSS_CTL_PROBE_IMAGE_H
#define TAPLOSS_CTL_PROBE_IMAGE_H

struct image {
	char dir[64];		/* ours; "": there is none */
	int lock;		/* on it, while this process lives */
	char kernel[96], initrd[96];
};

/* Copies of @kernel and, made from @modules (/lib/modules/VERSION) and @probe, an initramfs, in a
 * directory of their own that other users may read: QEMU seldom runs as root. Removes directories
 * that killed processes left. -errno after @why is one sentence. */
int image_make(struct image *i, const char *kernel, const char *modules, const char *probe,
	       char why[static 512]);

/* Removes both and the directory. */
void image_remove(struct image *i);

#endif
