/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel_version - the kernel's version, for the few things that cannot be tried. Pure but for the
 * first one. */
#ifndef TAPLOSS_COLLECTOR_KERNEL_KERNEL_VERSION_H
#define TAPLOSS_COLLECTOR_KERNEL_KERNEL_VERSION_H

#define RELEASE(major, minor) ((unsigned int)(major) << 8 | (minor))

unsigned int kernel_version_running(void);

/* "6.12.115+deb12" is RELEASE(6, 12); 0: not a version. */
unsigned int kernel_version_parse(const char *text);

#endif
