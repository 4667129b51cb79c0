/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel_version.h"

#include <stdio.h>
#include <sys/utsname.h>

unsigned int kernel_version_parse(const char *text)
{
	unsigned int major, minor;

	return sscanf(text, "%u.%u", &major, &minor) == 2 ? RELEASE(major, minor & 0xff) : 0;
}

unsigned int kernel_version_running(void)
{
	struct utsname un;

	return uname(&un) < 0 ? 0 : kernel_version_parse(un.release);
}
