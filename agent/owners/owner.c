/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "owner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/alloc.h"
#include "collector/base.h"

static void owner_vm_clear(struct owner_vm *vm)
{
	free(vm->ident);
	free(vm->name);
	free(vm->nics);
	free(vm->unseen);
	for (unsigned int i = 0; i < vm->n_labels; i++)
		free(vm->labels[i].value);
	free(vm->labels);
	*vm = (struct owner_vm){ 0 };
}

struct owner_list *owner_list_free(struct owner_list *l)
{
	if (!l)
		return NULL;
	for (unsigned int i = 0; i < l->n_vms; i++)
		owner_vm_clear(&l->vms[i]);
	free(l->vms);
	free(l);
	return NULL;
}

void owner_vm_free(struct owner_vm *vm)
{
	owner_vm_clear(vm);
}

int owner_list_add(struct owner_list *l, struct owner_vm *vm)
{
	if (alloc_resize(l->vms, l->n_vms + 1) < 0)
		return -ENOMEM;
	l->vms[l->n_vms++] = *vm;
	*vm = (struct owner_vm){ 0 };
	return 0;
}

struct owner_nic *owner_vm_add_nic(struct owner_vm *vm)
{
	if (alloc_resize(vm->nics, vm->n_nics + 1) < 0)
		return NULL;
	vm->nics[vm->n_nics] = (struct owner_nic){ 0 };
	return &vm->nics[vm->n_nics++];
}

struct owner_unseen *owner_vm_add_unseen(struct owner_vm *vm)
{
	if (alloc_resize(vm->unseen, vm->n_unseen + 1) < 0)
		return NULL;
	vm->unseen[vm->n_unseen] = (struct owner_unseen){ 0 };
	return &vm->unseen[vm->n_unseen++];
}

/* Where to cut @text so that at most @max bytes and no half of a character are left. */
static size_t cut(const char *text, size_t max)
{
	size_t n = strlen(text);

	if (n <= max)
		return n;
	for (n = max; n && ((unsigned char)text[n] & 0xc0) == 0x80;)
		n--;
	return n;
}

static struct owner_label *label(struct owner_vm *vm, const char *key)
{
	struct owner_label *l;

	for (unsigned int i = 0; i < vm->n_labels; i++)
		if (!strcmp(vm->labels[i].key, key))
			return &vm->labels[i];
	if (alloc_double(vm->labels, vm->n_labels) < 0)
		return NULL;
	l = &vm->labels[vm->n_labels++];
	*l = (struct owner_label){ 0 };
	snprintf(l->key, sizeof(l->key), "%s", key);
	return l;
}

int owner_vm_label(struct owner_vm *vm, const char *key, const char *value)
{
	char *clean = *value ? owner_clean_name(value, strlen(value)) : NULL;
	struct owner_label *l;

	if (!*value || vm->n_labels == OWNER_LABELS) {
		free(clean);
		return 0;
	}
	l = clean ? label(vm, key) : NULL;
	if (!l) {
		free(clean);
		return -ENOMEM;
	}
	clean[cut(clean, OWNER_LABEL_BYTES)] = '\0';
	free(l->value);
	l->value = clean;
	return 0;
}

static int copy_labels(const struct owner_vm *from, struct owner_vm *to)
{
	int r = 0;

	for (unsigned int i = 0; r >= 0 && i < from->n_labels; i++)
		r = owner_vm_label(to, from->labels[i].key, from->labels[i].value);
	return r;
}

static void *copy_of(const void *from, size_t size)
{
	void *p = malloc(size ? size : 1);

	if (p && size)
		memcpy(p, from, size);
	return p;
}

int owner_vm_copy(const struct owner_vm *from, struct owner_vm *ret)
{
	struct owner_vm vm = *from;
	int r;

	vm.ident = strdup(from->ident);
	vm.name = strdup(from->name);
	vm.nics = copy_of(from->nics, from->n_nics * sizeof(*vm.nics));
	vm.unseen = copy_of(from->unseen, from->n_unseen * sizeof(*vm.unseen));
	vm.labels = NULL;
	vm.n_labels = 0;
	r = vm.ident && vm.name && vm.nics && vm.unseen ? copy_labels(from, &vm) : -ENOMEM;
	if (r < 0) {
		owner_vm_clear(&vm);
		return r;
	}
	*ret = vm;
	return 0;
}

int owner_parse_mac(const char *text, uint8_t ret[static 6])
{
	uint8_t mac[6];

	for (int i = 0; i < 6; i++) {
		char *end;
		unsigned long n = strtoul(text, &end, 16);

		if (end == text || end > text + 2 || n > 255 || *end != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (uint8_t)n;
		text = end + 1;
	}
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

/* How many bytes the character at @s has, 0 when it is not well-formed UTF-8 (RFC 3629: no
 * surrogates, no overlong forms). */
static size_t utf8_length(const unsigned char *s, size_t left)
{
	size_t n = s[0] < 0x80			 ? 1
		   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		   : (s[0] & 0xf0) == 0xe0	 ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						 : 0;

	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

char *owner_clean_name(const char *bytes, size_t len)
{
	char *out = malloc(len * 3 + 1), *at = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < len;) {
		size_t n = utf8_length((const unsigned char *)bytes + i, len - i);

		memcpy(at, n ? bytes + i : "\xef\xbf\xbd", n ? n : 3);
		at += n ? n : 3;
		i += n ? n : 1;
	}
	*at = '\0';
	return out;
}
