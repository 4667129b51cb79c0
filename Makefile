# SPDX-License-Identifier: GPL-2.0-or-later
# The whole build. `make demo` and `make check` do all set-up; `make help` lists the rest. All output is in $(B).
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

VERSION := 0.1.0

B ?= build
CC ?= cc
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
LLVM_STRIP ?= $(firstword $(wildcard /usr/bin/llvm-strip /usr/bin/llvm-strip-14) llvm-strip)
PKG_CONFIG ?= pkg-config
prefix ?= /usr/local
sbindir ?= $(prefix)/sbin
bindir ?= $(prefix)/bin
sysconfdir ?= /etc
mandir ?= $(prefix)/share/man
docdir ?= $(prefix)/share/doc/taploss
unitdir ?= /lib/systemd/system
sysusersdir ?= /usr/lib/sysusers.d

# The user's flags stay the user's; these are ours.
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
	-Wvla -Wundef -Wformat=2 -Wno-format-nonliteral -Wimplicit-fallthrough -Wcast-align -Wold-style-definition
OUR_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -I$(B) $(WARN) -fno-strict-aliasing -ffile-prefix-map=$(CURDIR)=. \
	-DTAPLOSS_VERSION='"$(VERSION)"' -pthread
HARDEN := -fstack-protector-strong -fPIE
OUR_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed -pthread
ifeq ($(SANITIZE),1)
B := build-san
OUR_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OUR_LDFLAGS += -fsanitize=address,undefined
else
HARDEN += -D_FORTIFY_SOURCE=2
endif

PKGS := libbpf libnl-3.0 libnl-route-3.0 libvirt sqlite3 smartcols inih jansson libxml-2.0
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PKGS))
COLLECTOR_LIBS = $(shell $(PKG_CONFIG) --libs libbpf libnl-3.0 libnl-route-3.0)
SCHEMA_LIBS = $(shell $(PKG_CONFIG) --libs sqlite3)
AGENT_LIBS = $(shell $(PKG_CONFIG) --libs libvirt inih jansson libxml-2.0)
CTL_LIBS = $(shell $(PKG_CONFIG) --libs smartcols jansson)

BPF_OBJS := loss sock
COLLECTOR_SRC := $(wildcard collector/*.c)
SCHEMA_SRC := $(wildcard schema/*.c)
AGENT_SRC := $(filter-out agent/main.c,$(wildcard agent/*.c))
CTL_SRC := $(filter-out ctl/main.c,$(wildcard ctl/*.c))
SQL := schema/meta_0001.sql schema/day_0001.sql
UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
HELPERS := $(patsubst tests/helpers/%.c,%,$(wildcard tests/helpers/*.c))
BENCHES := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c))

obj = $(patsubst %.c,$(B)/%.o,$(1))
SKELS := $(BPF_OBJS:%=$(B)/bpf/%.skel.h)
SQL_H := $(SQL:%.sql=$(B)/%.sql.h)

.PHONY: all
all: $(B)/taplossd $(B)/taplossctl

$(B)/taplossd: $(call obj,agent/main.c) $(B)/agent.a $(B)/collector.a $(B)/schema.a
	$(CC) $(CFLAGS) $(OUR_CFLAGS) $(HARDEN) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^ $(AGENT_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS)

$(B)/taplossctl: $(call obj,ctl/main.c) $(B)/ctl.a $(B)/collector.a $(B)/schema.a
	$(CC) $(CFLAGS) $(OUR_CFLAGS) $(HARDEN) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^ $(CTL_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS) -lm

$(B)/collector.a: $(call obj,$(COLLECTOR_SRC))
$(B)/schema.a: $(call obj,$(SCHEMA_SRC))
$(B)/agent.a: $(call obj,$(AGENT_SRC))
$(B)/ctl.a: $(call obj,$(CTL_SRC))
$(B)/%.a:
	@rm -f $@
	$(AR) rcsD $@ $^

$(B)/%.o: %.c $(B)/flags | $(SKELS) $(SQL_H)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(OUR_CFLAGS) $(HARDEN) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

# Other flags than last time: build again.
.PHONY: force
$(B)/flags: force
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(OUR_CFLAGS) $(HARDEN)' | cmp -s - $@ || echo '$(CC) $(CFLAGS) $(OUR_CFLAGS) $(HARDEN)' > $@

# SQL as C strings.
$(B)/schema/%.sql.h: schema/%.sql
	@mkdir -p $(@D)
	{ echo '/* made from $< */'; sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $<; } > $@

# BPF: object, stripped of DWARF but not of BTF, embedded as a skeleton.
$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -ffile-prefix-map=$(CURDIR)=. -I. -D__bpf__ -D__TARGET_ARCH_x86 -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $<
	$(LLVM_STRIP) -g $@
$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# Tests and benches.
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/agent.a $(B)/ctl.a $(B)/collector.a $(B)/schema.a
	$(CC) $(CFLAGS) $(OUR_CFLAGS) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^ $(AGENT_LIBS) $(CTL_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS) -lcmocka -lm
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(B)/agent.a $(B)/collector.a $(B)/schema.a
	$(CC) $(CFLAGS) $(OUR_CFLAGS) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^ $(AGENT_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS) -lm
$(B)/tests/helpers/%: $(B)/tests/helpers/%.o
	$(CC) $(CFLAGS) $(OUR_CFLAGS) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^

.PHONY: unit helpers
unit: $(UNIT:%=$(B)/tests/unit/%)
helpers: $(HELPERS:%=$(B)/tests/helpers/%)

.PHONY: clean
clean:
	rm -rf build build-san

-include $(shell find $(B) -name '*.d' 2>/dev/null)
