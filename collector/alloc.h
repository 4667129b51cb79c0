/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alloc.h - growing an array, copying a string, giving up without memory. Header only.
 *
 * The array macros take the caller's own pointer and counts (unsigned lvalues, evaluated more than
 * once). They check the multiplication. They return 0, or -ENOMEM with nothing changed. */
#ifndef TAPLOSS_COLLECTOR_ALLOC_H
#define TAPLOSS_COLLECTOR_ALLOC_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Room for exactly @n elements (for one, if @n is 0). For arrays that hardly ever grow. */
#define alloc_resize(array, n) alloc_resize_(&(array), (n), sizeof(*(array)))

/* Room for one more than the @n elements in use. @size is the room there is; it doubles. */
#define alloc_room(array, n, size)                                                                 \
	({                                                                                         \
		size_t alloc_size_ = (size);                                                       \
		int alloc_r_ = (n) < alloc_size_ ? 0                                               \
						 : alloc_grow_(&(array), &alloc_size_,             \
							       (__typeof__(size))-1,               \
							       sizeof(*(array)));                  \
		(size) = (__typeof__(size))alloc_size_;                                            \
		alloc_r_;                                                                          \
	})

/* As alloc_room() for an array whose room nobody noted: it is the power of two above @n. So the
 * array must have grown by this alone. */
#define alloc_double(array, n)                                                                     \
	((n) & ((n)-1) ? 0 : alloc_resize_(&(array), (n) ? 2 * (size_t)(n) : 1, sizeof(*(array))))

static inline int alloc_resize_(void *at, size_t n, size_t bytes)
{
	void *p;

	if (__builtin_mul_overflow(n ? n : 1, bytes, &bytes))
		return -ENOMEM;
	p = realloc(*(void **)at, bytes);
	if (!p)
		return -ENOMEM;
	*(void **)at = p;
	return 0;
}

static inline int alloc_grow_(void *at, size_t *size, size_t max, size_t bytes)
{
	size_t n = *size ? *size * 2 : 64;
	int r = n > max || n < *size ? -ENOMEM : alloc_resize_(at, n, bytes);

	if (r == 0)
		*size = n;
	return r;
}

/* A copy of @text in *ret, which was not in use; of NULL it is NULL. -ENOMEM. */
static inline int alloc_copy(const char *text, char **ret)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

/* For programs that end when there is no memory, with nothing half done: never in the agent. */
static inline void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

#endif
