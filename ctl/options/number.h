/* SPDX-License-Identifier: GPL-2.0-or-later */
/* number - numbers as people type them: 4096, 64k, 1M, 2G (powers of 1024). */
#ifndef TAPLOSS_CTL_PRINT_NUMBER_H
#define TAPLOSS_CTL_PRINT_NUMBER_H

#include <stdint.h>

/* 1: taken; -1: it was said on stderr what is wrong. */
int number_option(const char *option, const char *value, uint64_t min, uint64_t max, uint64_t *ret);
int size_option(const char *option, const char *value, uint64_t min, uint64_t max, uint64_t *ret);

#endif
