/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "owner.h"

#include <errno.h>
#include <string.h>

#include "collector/base.h"

static void owner_vm_clear(struct owner_vm *vm)
{
	free(vm->ident);
	free(vm->name);
	free(vm->nics);
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
	struct owner_vm *p = realloc(l->vms, (l->n_vms + 1) * sizeof(*p));

	if (!p)
		return -ENOMEM;
	l->vms = p;
	l->vms[l->n_vms++] = *vm;
	*vm = (struct owner_vm){ 0 };
	return 0;
}

struct owner_nic *owner_vm_add_nic(struct owner_vm *vm)
{
	struct owner_nic *p = realloc(vm->nics, (vm->n_nics + 1) * sizeof(*p));

	if (!p)
		return NULL;
	vm->nics = p;
	vm->nics[vm->n_nics] = (struct owner_nic){ 0 };
	return &vm->nics[vm->n_nics++];
}

int owner_vm_copy(const struct owner_vm *from, struct owner_vm *ret)
{
	struct owner_vm vm = *from;

	vm.ident = strdup(from->ident);
	vm.name = strdup(from->name);
	vm.nics = from->n_nics ? malloc(from->n_nics * sizeof(*vm.nics)) : NULL;
	if (!vm.ident || !vm.name || (from->n_nics && !vm.nics)) {
		owner_vm_clear(&vm);
		return -ENOMEM;
	}
	if (from->n_nics)
		memcpy(vm.nics, from->nics, from->n_nics * sizeof(*vm.nics));
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
