# SPDX-License-Identifier: GPL-2.0-or-later
# The whole build. `make help` lists the targets. All output goes to $(B).
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

VERSION := 0.1.0

# SANITIZE=1: build with AddressSanitizer and UBSan, beside the plain build.
ifeq ($(SANITIZE),1)
B := build-san
endif
B ?= build
# V=1 shows the commands.
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-7s %s\n')
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
bashcompletiondir ?= $(prefix)/share/bash-completion/completions
zshcompletiondir ?= $(prefix)/share/zsh/site-functions
fishcompletiondir ?= $(prefix)/share/fish/vendor_completions.d

# The user's flags stay the user's; these are the project's.
CFLAGS ?= -O2 -g
WERROR ?= -Werror
WARN := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wvla -Wundef -Wformat=2 -Wno-format-nonliteral -Wimplicit-fallthrough \
	-Wcast-align -Wold-style-definition
C_DIALECT := -std=gnu11 -D_GNU_SOURCE
PREFIX_MAP := -ffile-prefix-map=$(CURDIR)=.
OUR_CFLAGS := $(C_DIALECT) -I. -I$(B) $(WARN) -fno-strict-aliasing $(PREFIX_MAP) \
	-DTAPLOSS_VERSION='"$(VERSION)"' -pthread
HARDEN := -fstack-protector-strong -fPIE
OUR_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed -pthread
ifeq ($(SANITIZE),1)
OUR_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OUR_LDFLAGS += -fsanitize=address,undefined
else
HARDEN += -D_FORTIFY_SOURCE=2
endif

NL_PKGS := libnl-3.0 libnl-route-3.0 libnl-genl-3.0
PKGS := libpcap libcap libbpf $(NL_PKGS) libvirt sqlite3 smartcols inih jansson libxml-2.0 libkmod
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PKGS))
libs = $(shell $(PKG_CONFIG) --libs $(1))
COLLECTOR_LIBS = $(call libs,libbpf $(NL_PKGS) libpcap)
SCHEMA_LIBS = $(call libs,sqlite3)
AGENT_LIBS = $(call libs,libvirt inih jansson libxml-2.0)
CTL_LIBS = $(call libs,smartcols ncursesw jansson libcap libkmod libvirt libxml-2.0) -lm

# Every .c file of a folder goes into the folder's library, but main.c, which is a program.
# collector/probe/machine.c belongs to the probe's program only.
sources = $(sort $(filter-out %/main.c,$(wildcard $(1)/*.c $(1)/*/*.c)))
obj = $(patsubst %.c,$(B)/%.o,$(1))
COLLECTOR_SRC := $(filter-out collector/probe/machine.c,$(call sources,collector))
SCHEMA_SRC := $(call sources,schema)
AGENT_SRC := $(call sources,agent)
CTL_SRC := $(call sources,ctl)
PROBE_SRC := $(patsubst %,collector/probe/%.c,main machine receive send)
UNIT := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/*/test_*.c)))
HELPERS := $(patsubst tests/helpers/%.c,%,$(sort $(wildcard tests/helpers/*.c)))
TAPTOOL_SRC := $(sort $(wildcard tests/taptool/*.c))
BENCHES := ring_rate drop_cost fill many_taps store years

# What is made from other files before C is compiled: BPF skeletons, SQL and pages as C strings.
BPF_OBJS := $(patsubst bpf/%.bpf.c,%,$(sort $(wildcard bpf/*.bpf.c)))
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
SKELS := $(BPF_OBJS:%=$(B)/bpf/%.skel.h)
SQL_H := $(patsubst %.sql,$(B)/%.sql.h,$(sort $(wildcard schema/*.sql)))
PAGE_H := $(patsubst %,$(B)/%.h,$(wildcard $(addprefix ctl/report/page/*.,js css html) \
	ctl/report/third_party/uPlot.*))

# link,FLAGS,LIBRARIES: the program $@ from the objects and archives in $^.
define link
$(say) LINK $@
$(Q)mkdir -p $(@D)
$(Q)$(CC) $(CFLAGS) $(OUR_CFLAGS) $(1) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^ $(2)
endef
# as_string,SED: the file $< as a C string literal.
as_string = $(Q)mkdir -p $(@D) && sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/??/?\\?/g' \
	-e 's/^/"/' -e 's/$$/\\n"/' $< > $@

##@ Build
.PHONY: all
all: $(B)/taplossd $(B)/taplossctl $(B)/taploss-probe ## Build the agent, taplossctl and the probe

$(B)/taplossd: $(call obj,agent/main.c) $(B)/agent.a $(B)/collector.a $(B)/schema.a
	$(call link,$(HARDEN),$(AGENT_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS))
$(B)/taplossctl: $(call obj,ctl/main.c) $(B)/ctl.a $(B)/collector.a $(B)/schema.a
	$(call link,$(HARDEN),$(CTL_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS))

$(B)/collector.a: $(call obj,$(COLLECTOR_SRC))
$(B)/schema.a: $(call obj,$(SCHEMA_SRC))
$(B)/agent.a: $(call obj,$(AGENT_SRC))
$(B)/ctl.a: $(call obj,$(CTL_SRC))
# q, not r: r would replace a member by one of the same name from another folder.
$(B)/%.a:
	@rm -f $@
	$(say) AR $@
	$(Q)$(AR) qcsD $@ $^

$(B)/%.o: %.c $(B)/flags | $(SKELS) $(SQL_H)
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(CFLAGS) $(OUR_CFLAGS) $(HARDEN) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/ctl/report/html.o: | $(PAGE_H)

# Objects are built again when the flags or the list of files change.
.PHONY: force
BUILT_WITH = $(CC) $(CFLAGS) $(OUR_CFLAGS) $(HARDEN)
$(B)/flags: force
	@mkdir -p $(@D)
	@echo '$(BUILT_WITH)' | cmp -s - $@ || echo '$(BUILT_WITH)' > $@

$(B)/schema/%.sql.h: schema/%.sql
	$(as_string)
$(B)/ctl/report/page/%.h: ctl/report/page/%
	$(as_string)
$(B)/ctl/report/third_party/%.h: ctl/report/third_party/%
	$(as_string)

# BPF: object, stripped of DWARF but not of BTF, embedded as a skeleton.
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror \
	$(PREFIX_MAP) -I. -idirafter /usr/include/$(shell $(CC) -dumpmachine) \
	-D__TARGET_ARCH_$(BPF_ARCH)
$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(say) BPF $@
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@
$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# Programs that are process 1 of a machine, or run in one: static, never sanitized.
# static_program,SOURCES: compiles and links $@ in one step; the headers it needs are in $@.d.
define static_program
@mkdir -p $(@D)
$(say) CC $@
$(Q)$(CC) $(C_DIALECT) $(WARN) $(PREFIX_MAP) -I. -Os -static -s -o $@ $(1)
$(Q)$(CC) $(C_DIALECT) -I. -MM -MP -MT $@ $(1) | sed 's/[^ ]*\.c\b//g' > $@.d
endef
$(B)/taploss-probe: $(PROBE_SRC) $(B)/flags
	$(call static_program,$(PROBE_SRC))
$(B)/tests/guest/init $(B)/tests/vm/init: $(B)/tests/%/init: tests/%/init.c
	$(call static_program,$<)
HOSTILE_SRC := tests/guest/hostile.c collector/probe/machine.c
$(B)/tests/guest/hostile: $(HOSTILE_SRC)
	$(call static_program,$(HOSTILE_SRC))

.PHONY: clean
clean: ## Remove all build output
	rm -rf build build-san

##@ Install
.PHONY: install uninstall deb deb-unchecked
libexecdir ?= $(prefix)/lib/taploss
# license= for packages: their distribution has it already.
license ?= LICENSE
DOCS := README.md CHANGELOG.md docs/capture.svg $(addprefix docs/,\
	$(addsuffix .md,DESIGN HACKING KERNELS MEASURES BENCHMARKS CAPTURE DIAGNOSIS))
COMPLETIONS := $(bashcompletiondir)/taplossctl $(bashcompletiondir)/taplossd \
	$(zshcompletiondir)/_taplossctl $(fishcompletiondir)/taplossctl.fish
install: all ## Install below $(DESTDIR)$(prefix) (default: /usr/local)
	install -D -m 755 $(B)/taplossd $(DESTDIR)$(sbindir)/taplossd
	install -D -m 755 $(B)/taplossctl $(DESTDIR)$(bindir)/taplossctl
	install -D -m 755 $(B)/taploss-probe $(DESTDIR)$(libexecdir)/taploss-probe
	install -D -m 644 collector/probe/taploss-probe.service \
		$(DESTDIR)$(libexecdir)/taploss-probe.service
	install -D -m 644 -t $(DESTDIR)$(mandir)/man8 docs/taplossd.8 docs/taplossctl.8
	install -D -m 644 -t $(DESTDIR)$(mandir)/man5 docs/taploss.conf.5
	install -D -m 644 -t $(DESTDIR)$(docdir) $(DOCS) $(license)
	install -D -m 644 ctl/completion/taplossctl.bash $(DESTDIR)$(bashcompletiondir)/taplossctl
	install -D -m 644 ctl/completion/taplossd.bash $(DESTDIR)$(bashcompletiondir)/taplossd
	install -D -m 644 -t $(DESTDIR)$(zshcompletiondir) ctl/completion/_taplossctl
	install -D -m 644 -t $(DESTDIR)$(fishcompletiondir) ctl/completion/taplossctl.fish
	install -d $(DESTDIR)$(unitdir) $(DESTDIR)$(sysconfdir)/taploss
	sed 's,@sbindir@,$(sbindir),' agent/taplossd.service \
		> $(DESTDIR)$(unitdir)/taplossd.service
	install -D -m 644 agent/taploss.sysusers $(DESTDIR)$(sysusersdir)/taploss.conf
	test -e $(DESTDIR)$(sysconfdir)/taploss/taploss.conf || \
		install -m 644 agent/taploss.conf $(DESTDIR)$(sysconfdir)/taploss/taploss.conf
uninstall: ## Remove what install installed; the configuration stays
	rm -f $(addprefix $(DESTDIR),$(sbindir)/taplossd $(bindir)/taplossctl \
		$(mandir)/man8/taplossd.8 $(mandir)/man8/taplossctl.8 \
		$(mandir)/man5/taploss.conf.5 $(unitdir)/taplossd.service \
		$(sysusersdir)/taploss.conf $(COMPLETIONS))
	rm -rf $(DESTDIR)$(docdir) $(DESTDIR)$(libexecdir)

# The package is built from a copy of the sources, so that this tree stays as it is.
DEB_TREE := $(B)/deb/taploss-$(VERSION)
deb: deb-unchecked ## Build the Debian package (build/deb/taploss_*.deb) and check it with lintian
	@lintian --fail-on error,warning $(B)/deb/taploss_*.changes
	@ls -l $(B)/deb/*.deb
deb-unchecked:
	@tests/packages.sh build package
	@rm -rf $(B)/deb && umask 022 && mkdir -p $(DEB_TREE)
	@umask 022; { git ls-files -z -co --exclude-standard 2>/dev/null || \
		find . -path ./$(B) -prune -o -path ./build-san -prune -o -type f -print0; } | \
		tar -c --ignore-failed-read --mode=u=rwX,go=rX --null -T - | tar -x -C $(DEB_TREE)
	@cd $(DEB_TREE) && env -u MAKEFLAGS -u MAKELEVEL \
		DEB_BUILD_OPTIONS="terse $$DEB_BUILD_OPTIONS" \
		dpkg-buildpackage -us -uc -J$(shell nproc)

##@ Test
.PHONY: deps testbed unit helpers check check-host demo day bench
TEST_LIBS = $(AGENT_LIBS) $(CTL_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS) -lcmocka
AGENT_A := $(B)/agent.a $(B)/collector.a $(B)/schema.a
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/agent.a $(B)/ctl.a $(B)/collector.a $(B)/schema.a
	$(call link,,$(TEST_LIBS))
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(AGENT_A)
	$(call link,,$(AGENT_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS) -lm)
$(B)/tests/history/%: $(B)/tests/history/%.o $(AGENT_A)
	$(call link,,$(AGENT_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS) -lm)
# The generator is the collector's own.
$(B)/tests/helpers/seqframes: $(B)/collector/capture/txgen.o
# Not with sanitizers: what it runs may have them.
$(B)/tests/helpers/asunit: tests/helpers/asunit.c
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(C_DIALECT) $(WARN) -I. -O1 -o $@ $< -lseccomp -lcap
$(B)/tests/helpers/%: $(B)/tests/helpers/%.o
	$(call link,,)
$(B)/tests/taptool/taptool: $(call obj,$(TAPTOOL_SRC))
	$(call link,,)
$(B)/tests/vm/vmctl: $(B)/tests/vm/vmctl.o
	$(call link,,)

# taptool holds taps and loses frames; the guest and vm programs are what small machines run.
TEST_TOOLS := $(HELPERS:%=$(B)/tests/helpers/%) $(B)/tests/taptool/taptool \
	$(addprefix $(B)/tests/,guest/init guest/hostile vm/init vm/vmctl history/history)
.SECONDARY:
unit: $(UNIT:%=$(B)/tests/unit/%) ## Build the unit tests
helpers: $(HELPERS:%=$(B)/tests/helpers/%)
testbed: all unit $(TEST_TOOLS) ## Build all that the tests run

PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
SUBMAKE = $(MAKE) --no-print-directory -s $(PARALLEL)
deps: ## Install what building and testing need (as root, by apt-get)
	@tests/packages.sh build test
check: deps ## Run all tests; T=PATTERN some of them, KERNEL=6.1 on that kernel (host: this one)
	@$(SUBMAKE) testbed
	@B=$(B) KERNEL="$(KERNEL)" tests/run.sh $(T)
check-host: deps ## Test the package in whole Debian systems under QEMU (takes long)
	@$(SUBMAKE) testbed
	@B=$(B) KERNEL="$(or $(KERNEL),$(shell tests/host/image.sh --names))" FRAMES=60000 \
		tests/run.sh $(T)
demo: deps ## Show it: an agent, real guests, real loss, answers on screen
	@$(SUBMAKE) all $(TEST_TOOLS)
	@B=$(B) tests/demo.sh
day: deps ## Lose frames for some minutes and write the report to build/day.html
	@$(SUBMAKE) all $(TEST_TOOLS)
	@B=$(B) tests/day.sh

bench: ## Measure, each figure beside its goal and its peer
	@tests/packages.sh build test bench
	@$(SUBMAKE) testbed $(BENCHES:%=$(B)/tests/bench/%)
	@B=$(B) tests/bench/run.sh

##@ Inspect
# The analyser's leak and use-after-free checks see neither _cleanup_ nor into uthash: sanitizers
# and valgrind look for those. cppcheck sees neither _cleanup_ nor the macros of uthash, jansson.
CPPCHECK_MACROS := \
	'-DHASH_ITER(hh,head,el,tmp)=for((el)=(head),(tmp)=(el)?(el)->hh.next:0;(el);(el)=(tmp))' \
	'-Djson_array_foreach(a,i,v)=for((i)=0;((v)=json_array_get(a,i));(i)++)' \
	'-Djson_object_foreach(o,k,v)=for((k)="";((v)=json_object_get(o,k));)' \
	'-DHASH_FIND(hh,head,p,n,out)=(out)=find_in(head,p,n)' \
	'-DHASH_FIND_STR(head,p,out)=(out)=find_in(head,p,0)' '-DHASH_SORT(head,cmp)=sort(head)'
TIDY_CFLAGS = $(filter-out -Werror -DTAPLOSS_VERSION%,$(OUR_CFLAGS)) -DTAPLOSS_VERSION=__FILE__ \
	-isystem $(B) $(PKG_CFLAGS)
.PHONY: lint stats help
lint: $(SKELS) $(SQL_H) $(PAGE_H) all ## Run the static checks
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
		--inline-suppr -I. -I$(B) --suppress=missingIncludeSystem --suppress=memleak \
		--suppress=nullPointer:ctl/print/text.c $(CPPCHECK_MACROS) \
		-D_GNU_SOURCE -DTAPLOSS_VERSION='""' agent collector schema ctl
	# One file at a time: with several in one run clang 14 sees va_lists that are not there.
	printf '%s\n' $(COLLECTOR_SRC) $(SCHEMA_SRC) $(AGENT_SRC) $(CTL_SRC) \
		agent/main.c ctl/main.c | xargs -P$$(nproc) -I{} \
		sh -c 'clang-tidy --quiet {} -- $(TIDY_CFLAGS) 2>/dev/null || \
		{ echo "clang-tidy: {}"; exit 1; }'
	shellcheck -x -e SC1091 $$(git ls-files '*.sh')
	tests/lint/columns.sh
	tests/lint/structure.sh $(B)
	mandoc -T lint -W warning docs/*.5 docs/*.8

stats: ## Show how long functions, files and lines are, and how deeply they nest
	@tests/lint/stats.sh

help: ## List the targets
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z].*:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile
	@printf '\nV=1 shows the commands, SANITIZE=1 builds with sanitizers in build-san.\n'

-include $(shell find $(B) -path $(B)/deb -prune -o -type f -name '*.d' -print 2>/dev/null)
