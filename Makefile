# SPDX-License-Identifier: GPL-2.0-or-later
# The whole build. `make demo` and `make check` do all set-up; `make help` lists the rest. All output is in $(B).
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

VERSION := 0.1.0

# SANITIZE=1: AddressSanitizer and UBSan, beside the plain build.
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

# The user's flags stay the user's; these are ours.
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
	-Wvla -Wundef -Wformat=2 -Wno-format-nonliteral -Wimplicit-fallthrough -Wcast-align -Wold-style-definition
OUR_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -I$(B) $(WARN) -fno-strict-aliasing -ffile-prefix-map=$(CURDIR)=. \
	-DTAPLOSS_VERSION='"$(VERSION)"' -pthread
HARDEN := -fstack-protector-strong -fPIE
OUR_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed -pthread
ifeq ($(SANITIZE),1)
OUR_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OUR_LDFLAGS += -fsanitize=address,undefined
else
HARDEN += -D_FORTIFY_SOURCE=2
endif

PKGS := libpcap libcap libbpf libnl-3.0 libnl-route-3.0 libnl-genl-3.0 libvirt sqlite3 smartcols inih jansson libxml-2.0 libkmod
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PKGS))
COLLECTOR_LIBS = $(shell $(PKG_CONFIG) --libs libbpf libnl-3.0 libnl-route-3.0 libnl-genl-3.0 libpcap)
SCHEMA_LIBS = $(shell $(PKG_CONFIG) --libs sqlite3)
AGENT_LIBS = $(shell $(PKG_CONFIG) --libs libvirt inih jansson libxml-2.0)
CTL_LIBS = $(shell $(PKG_CONFIG) --libs smartcols ncursesw jansson libcap libkmod libvirt libxml-2.0)

BPF_OBJS := loss sock context dropped frame_errors tapring trace xdp
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
COLLECTOR_SRC := collector/capture.c collector/capture_device.c collector/capture_frames.c collector/filter.c collector/gap.c collector/notes.c collector/pcapng.c \
	collector/pcapng_read.c collector/port.c \
	collector/port_v12.c collector/port_v3.c collector/ring.c collector/sink.c collector/txgen.c \
	collector/brief.c collector/class.c collector/class_path.c collector/delta.c collector/dropped.c collector/frame_errors.c collector/ksym.c collector/link.c collector/linkname.c \
	collector/loss.c collector/loss_burst.c collector/loss_path.c collector/loss_qdisc.c collector/loss_read.c collector/loss_context.c collector/loss_sock.c collector/loss_xdp.c collector/netdm.c collector/pins.c collector/qdisc.c \
	collector/reason.c collector/release.c collector/source.c collector/source_bpf.c collector/source_counters.c collector/source_netdm.c collector/tapring.c collector/task_file.c collector/trace.c
SCHEMA_SRC := schema/schema.c schema/schema_create.c schema/schema_dir.c
AGENT_SRC := agent/agent.c agent/agent_open.c agent/blind.c agent/bursts.c agent/cmdline.c agent/config.c agent/counted.c agent/counting.c agent/domxml.c agent/headroom.c agent/hidden.c agent/kvhost.c agent/log.c agent/loop.c \
	agent/lossline.c agent/mailbox.c agent/nicfacts.c agent/notify.c agent/owner.c agent/ownloss.c agent/path.c agent/pressure.c agent/procscan.c agent/programs.c agent/sampler.c agent/schedule.c \
	agent/store.c agent/store_attribute.c agent/store_baseline.c agent/store_blind.c agent/store_chores.c \
	agent/store_day.c agent/store_db.c agent/store_event.c agent/store_hour.c agent/store_names.c agent/store_series.c agent/store_source.c \
	agent/store_tick.c agent/tapmap.c agent/tapmap_store.c agent/virt.c agent/virtdomain.c agent/virtevents.c agent/vmbook.c agent/vmm.c agent/weigh.c agent/whose.c \
	agent/witness.c
CTL_SRC := ctl/capture_dropped.c ctl/capture_env.c ctl/capture_loss.c ctl/capture_who.c ctl/dropped_file.c ctl/cmd_capture.c ctl/cmd_gaps.c ctl/cmd_ring.c ctl/number.c \
	ctl/audit_hint.c ctl/chart.c ctl/bursts.c ctl/cmd_audit.c ctl/cmd_bursts.c ctl/cmd_db.c ctl/cmd_diagnose.c ctl/cmd_events.c ctl/cmd_loss.c ctl/cmd_mask.c ctl/cmd_status.c ctl/cmd_timeline.c \
	ctl/cmd_top.c ctl/cmd_trace.c ctl/cmd_vms.c ctl/cmd_watch.c ctl/events.c ctl/fill.c ctl/diagnosis.c ctl/evidence.c ctl/evidence_rows.c ctl/lostrows.c ctl/verdict.c ctl/mask.c ctl/maskfile.c ctl/options.c ctl/out.c ctl/split.c ctl/status_blind.c ctl/tally.c ctl/text.c ctl/view.c \
	ctl/view_day.c ctl/vmref.c ctl/when.c
SQL := schema/meta_0001.sql schema/meta_0002.sql schema/day_0001.sql schema/day_0002.sql
UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
HELPERS := $(patsubst tests/helpers/%.c,%,$(wildcard tests/helpers/*.c))
BENCHES := ring_rate drop_cost fill many_taps store years

# History: what stays of days, and how it is read.
SCHEMA_SRC += schema/absorb.c schema/demand.c schema/thin.c schema/tidy.c
SQL += schema/history_0001.sql schema/history_0002.sql
CTL_SRC += ctl/capacity.c ctl/capacity_loss.c ctl/capacity_nics.c ctl/capacity_pressure.c ctl/capacity_verdicts.c ctl/cmd_report.c ctl/compare.c ctl/compare_html.c ctl/knee.c ctl/page.c ctl/report_html.c ctl/store_work.c \
	ctl/trend.c ctl/view_demand.c ctl/view_headroom.c ctl/view_loss.c ctl/view_pressure.c ctl/view_traffic.c
REPORT_H := $(patsubst %,$(B)/%.h,$(wildcard ctl/report/*.js ctl/report/*.css ctl/report/*.html ctl/report/third_party/uPlot.*))

# top's screen, what is benign, what came.
CTL_SRC += ctl/board.c ctl/board_order.c ctl/events_verdict.c ctl/harm.c ctl/offered.c ctl/screen.c ctl/screen_draw.c ctl/screen_page.c ctl/screen_pane.c ctl/screen_put.c ctl/screen_term.c

# The probe: its end on the host, and what both ends do.
COLLECTOR_SRC += collector/probe/capture.c collector/probe/send.c
CTL_SRC += ctl/cmd_probe.c ctl/probe_channel.c ctl/probe_guest.c ctl/probe_image.c ctl/probe_ledger.c ctl/probe_loss.c ctl/probe_options.c ctl/probe_out.c ctl/probe_print.c ctl/probe_report.c ctl/probe_run.c \
	ctl/probe_send.c ctl/probe_step.c ctl/probe_settle.c ctl/probe_stop.c ctl/probe_store.c ctl/probe_table.c ctl/probe_vm.c
PROBE_SRC := collector/probe/main.c collector/probe/capture.c collector/probe/machine.c collector/probe/send.c
PROBE_H := collector/base.h collector/probe/capture.h collector/probe/machine.h collector/probe/send.h collector/probe/wire.h

obj = $(patsubst %.c,$(B)/%.o,$(1))
SKELS := $(BPF_OBJS:%=$(B)/bpf/%.skel.h)
SQL_H := $(SQL:%.sql=$(B)/%.sql.h)

.PHONY: all
all: $(B)/taplossd $(B)/taplossctl $(B)/taploss-probe

$(B)/taplossd: $(call obj,agent/main.c) $(B)/agent.a $(B)/collector.a $(B)/schema.a
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(OUR_CFLAGS) $(HARDEN) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^ $(AGENT_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS)

$(B)/taplossctl: $(call obj,ctl/main.c) $(B)/ctl.a $(B)/collector.a $(B)/schema.a
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(OUR_CFLAGS) $(HARDEN) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^ $(CTL_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS) -lm

# Static and never sanitized: it is the first program of a machine.
$(B)/taploss-probe: $(PROBE_SRC) $(PROBE_H) $(B)/flags
	$(say) CC $@
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -ffile-prefix-map=$(CURDIR)=. -Os -static -s -o $@ $(PROBE_SRC)

$(B)/collector.a: $(call obj,$(COLLECTOR_SRC))
$(B)/schema.a: $(call obj,$(SCHEMA_SRC))
$(B)/agent.a: $(call obj,$(AGENT_SRC))
$(B)/ctl.a: $(call obj,$(CTL_SRC))
$(B)/%.a:
	@rm -f $@
	$(say) AR $@
	$(Q)$(AR) rcsD $@ $^

$(B)/%.o: %.c $(B)/flags | $(SKELS) $(SQL_H)
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(CFLAGS) $(OUR_CFLAGS) $(HARDEN) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

# Other flags than last time: build again.
.PHONY: force
$(B)/flags: force
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(OUR_CFLAGS) $(HARDEN)' | cmp -s - $@ || echo '$(CC) $(CFLAGS) $(OUR_CFLAGS) $(HARDEN)' > $@

# SQL as C strings.
$(B)/schema/%.sql.h: schema/%.sql
	@mkdir -p $(@D)
	$(Q){ echo '/* made from $< */'; sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $<; } > $@

# What a report is made of, as C strings.
$(B)/ctl/report/%.h: ctl/report/%
	@mkdir -p $(@D)
	$(Q)sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/??/?\\?/g' -e 's/^/"/' -e 's/$$/\\n"/' $< > $@
$(B)/ctl/report_html.o: | $(REPORT_H)

# BPF: object, stripped of DWARF but not of BTF, embedded as a skeleton.
$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(say) BPF $@
	$(Q)$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror -ffile-prefix-map=$(CURDIR)=. -I. -idirafter /usr/include/$(shell $(CC) -dumpmachine) -D__TARGET_ARCH_$(BPF_ARCH) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@
$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# Installing.
.PHONY: install uninstall
install: all
	install -D -m 755 $(B)/taplossd $(DESTDIR)$(sbindir)/taplossd
	install -D -m 755 $(B)/taplossctl $(DESTDIR)$(bindir)/taplossctl
	install -D -m 755 $(B)/taploss-probe $(DESTDIR)$(prefix)/lib/taploss/taploss-probe
	install -D -m 644 collector/probe/taploss-probe.service $(DESTDIR)$(prefix)/lib/taploss/taploss-probe.service
	install -D -m 644 -t $(DESTDIR)$(mandir)/man8 docs/taplossd.8 docs/taplossctl.8
	install -D -m 644 -t $(DESTDIR)$(mandir)/man5 docs/taploss.conf.5
	install -D -m 644 -t $(DESTDIR)$(docdir) README.md CHANGELOG.md LICENSE docs/DESIGN.md docs/HACKING.md docs/KERNELS.md docs/MEASURES.md docs/CAPTURE.md docs/capture.svg docs/DIAGNOSIS.md
	install -d $(DESTDIR)$(unitdir) $(DESTDIR)$(sysconfdir)/taploss
	sed 's,@sbindir@,$(sbindir),' agent/taplossd.service > $(DESTDIR)$(unitdir)/taplossd.service
	install -D -m 644 agent/taploss.sysusers $(DESTDIR)$(sysusersdir)/taploss.conf
	test -e $(DESTDIR)$(sysconfdir)/taploss/taploss.conf || \
		$(B)/taplossd --config /dev/null --print-config > $(DESTDIR)$(sysconfdir)/taploss/taploss.conf
uninstall:
	rm -f $(DESTDIR)$(sbindir)/taplossd $(DESTDIR)$(bindir)/taplossctl $(DESTDIR)$(prefix)/lib/taploss/taploss-probe $(DESTDIR)$(prefix)/lib/taploss/taploss-probe.service $(DESTDIR)$(mandir)/man8/taplossd.8 \
		$(DESTDIR)$(mandir)/man8/taplossctl.8 $(DESTDIR)$(mandir)/man5/taploss.conf.5 $(DESTDIR)$(unitdir)/taplossd.service \
		$(DESTDIR)$(sysusersdir)/taploss.conf
	rm -rf $(DESTDIR)$(docdir)

# Static checks.
# The analyser's leak and use-after-free checks see neither _cleanup_ nor into uthash: sanitizers and valgrind look for those.
TIDY := -*,bugprone-*,clang-analyzer-*,-clang-analyzer-unix.Malloc,-clang-analyzer-core.UndefinedBinaryOperatorResult,-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions,-bugprone-reserved-identifier,-bugprone-assignment-in-if-condition,-bugprone-implicit-widening-of-multiplication-result,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-clang-analyzer-security.insecureAPI.strcpy,-bugprone-macro-parentheses,-bugprone-sizeof-expression
# cppcheck sees neither _cleanup_ (so no memleak) nor these macros of uthash and jansson.
CPPCHECK_MACROS := '-DHASH_ITER(hh,head,el,tmp)=for((el)=(head),(tmp)=(el)?(el)->hh.next:0;(el);(el)=(tmp))' \
	'-Djson_array_foreach(a,i,v)=for((i)=0;((v)=json_array_get(a,i));(i)++)' \
	'-Djson_object_foreach(o,k,v)=for((k)="";((v)=json_object_get(o,k));)' '-DHASH_FIND(hh,head,p,n,out)=(out)=find_in(head,p,n)' \
	'-DHASH_FIND_STR(head,p,out)=(out)=find_in(head,p,0)' '-DHASH_SORT(head,cmp)=sort(head)'
.PHONY: lint
lint: $(SKELS) $(SQL_H) $(REPORT_H)
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr -I. -I$(B) \
		--suppress=missingIncludeSystem --suppress=memleak --suppress=nullPointer:ctl/text.c $(CPPCHECK_MACROS) \
		-D_GNU_SOURCE -DTAPLOSS_VERSION='""' agent collector schema ctl
	# One file at a time: with several in one run clang 14 sees va_lists that are not there.
	echo $(COLLECTOR_SRC) $(SCHEMA_SRC) $(AGENT_SRC) $(CTL_SRC) agent/main.c ctl/main.c | \
		xargs -n1 -P$$(nproc) sh -c 'clang-tidy --quiet --warnings-as-errors="*" --checks="$(TIDY)" "$$0" -- \
		$(filter-out -Werror -DTAPLOSS_VERSION%,$(OUR_CFLAGS)) -DTAPLOSS_VERSION=__FILE__ -isystem $(B) $(PKG_CFLAGS) 2>/dev/null || { echo "clang-tidy: $$0"; exit 1; }'
	shellcheck -x -e SC1091 $$(git ls-files '*.sh')
	mandoc -T lint -W warning docs/*.5 docs/*.8

# Tests and benches.
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/agent.a $(B)/ctl.a $(B)/collector.a $(B)/schema.a
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(OUR_CFLAGS) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^ $(AGENT_LIBS) $(CTL_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS) -lcmocka -lm
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(B)/agent.a $(B)/collector.a $(B)/schema.a
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(OUR_CFLAGS) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^ $(AGENT_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS) -lm
$(B)/tests/history/%: $(B)/tests/history/%.o $(B)/agent.a $(B)/collector.a $(B)/schema.a
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(OUR_CFLAGS) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^ $(AGENT_LIBS) $(COLLECTOR_LIBS) $(SCHEMA_LIBS) -lm
# The generator is the collector's own.
$(B)/tests/helpers/seqframes: $(B)/collector/txgen.o
$(B)/tests/helpers/%: $(B)/tests/helpers/%.o
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(OUR_CFLAGS) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^

# Measurements, each beside its goal and where there is one its peer; never part of check.
.PHONY: bench
bench:
	@tests/packages.sh build test bench
	@$(MAKE) --no-print-directory -s testbed $(BENCHES:%=$(B)/tests/bench/%)
	@r=0; tests/bench/capture.sh $(B) || r=1; tests/bench/capture_chart.sh $(B)/bench/capture.txt > $(B)/bench/capture.svg || r=1; echo; \
		tests/bench/drop_cost.sh $(B)/tests/bench/drop_cost || r=1; echo; \
		tests/bench/dropped.sh $(B)/tests/bench/drop_cost $(B)/taplossctl || r=1; echo; \
		tests/bench/netdm.sh || [ $$? = 77 ] || r=1; echo; \
		tests/bench/scale.sh $(B)/tests/bench/many_taps $(B)/taplossd || r=1; echo; \
		$(B)/tests/bench/store || r=1; echo; \
		tests/bench/query.sh $(B)/tests/bench/fill $(B)/taplossctl || r=1; echo; \
		tests/bench/years.sh $(B)/tests/bench/years $(B)/taplossctl || r=1; echo; \
		B=$(B) tests/bench/probe.sh || r=1; exit $$r

.PHONY: unit helpers
unit: $(UNIT:%=$(B)/tests/unit/%)
helpers: $(HELPERS:%=$(B)/tests/helpers/%)

.PHONY: clean
clean:
	rm -rf build build-san

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# Test bed and demo: taptool (holds taps, loses frames), the init of the small guest.
TAPTOOL_SRC := $(wildcard tests/taptool/*.c)
TEST_TOOLS := $(HELPERS:%=$(B)/tests/helpers/%) $(B)/tests/taptool/taptool $(B)/tests/guest/init $(B)/tests/guest/hostile $(B)/tests/vm/init $(B)/tests/vm/vmctl $(B)/tests/history/history
.SECONDARY:

$(B)/tests/taptool/taptool: $(call obj,$(TAPTOOL_SRC))
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(OUR_CFLAGS) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^
$(B)/tests/vm/vmctl: $(B)/tests/vm/vmctl.o
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(OUR_CFLAGS) $(LDFLAGS) $(OUR_LDFLAGS) -o $@ $^
# Static and never sanitized: they are the first program of a machine.
$(B)/tests/guest/init $(B)/tests/vm/init: $(B)/tests/%/init: tests/%/init.c
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -Os -static -s -o $@ $<
$(B)/tests/guest/hostile: tests/guest/hostile.c collector/probe/machine.c $(PROBE_H)
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -Os -static -s -o $@ $(filter %.c,$^)

# deps installs what is missing (as root, by apt-get); check runs all tests, check T=PATTERN those whose names match, check KERNEL=6.1 those
# on that kernel (host: this one).
.PHONY: deps check demo day testbed
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
deps:
	@tests/packages.sh build test
testbed: all unit $(TEST_TOOLS)
check: deps
	@$(MAKE) --no-print-directory -s $(PARALLEL) testbed
	@B=$(B) KERNEL="$(KERNEL)" tests/run.sh $(T)
demo: deps
	@$(MAKE) --no-print-directory -s $(PARALLEL) all $(TEST_TOOLS)
	@B=$(B) tests/demo.sh
# An agent at 100 ms, some minutes of real loss, the report of it in build/day.html.
day: deps
	@$(MAKE) --no-print-directory -s $(PARALLEL) all $(TEST_TOOLS)
	@B=$(B) tests/day.sh
