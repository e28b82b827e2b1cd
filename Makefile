# SPDX-License-Identifier: GPL-2.0-or-later
# ksmbd-hybrid. `make help` lists the targets; V=1 shows the commands; VARIANT=asan|tsan builds
# with sanitizers into a folder of its own; O=DIR builds elsewhere; STATS=0 counts no requests, which
# is for measuring what counting costs (tests/bench/stats).

VERSION := 0.1.0

VARIANT ?=
CC	?= cc
CLANG	?= clang
BPFTOOL ?= $(firstword $(shell command -v bpftool) /usr/sbin/bpftool)
PREFIX	?= /usr/local
DESTDIR ?=
O	?= build$(if $(VARIANT),-$(VARIANT))
STATS	?= 1
V	?= 0

SBINDIR	  := $(PREFIX)/sbin
LIBEXEC	  := $(PREFIX)/libexec/ksmbd-hybrid
MANDIR	  := $(PREFIX)/share/man
SYSCONFDIR ?= /etc

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)';)

PKGS	 := liburing json-c libcrypto libacl libbpf libmnl
WARN	 := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	    -Wno-unused-parameter -Wno-missing-field-initializers -Werror
CPPFLAGS += -D_GNU_SOURCE -DKH_VERSION='"$(VERSION)"' -DKH_LIBEXEC='"$(LIBEXEC)"' \
	    -DKH_SYSCONFDIR='"$(SYSCONFDIR)"' $(if $(filter 0,$(STATS)),-DKH_STATS=0) -Iuapi -Idaemon -I$(O)/gen
OPT	 := -O2 -g -fno-strict-aliasing
HARDEN	 := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LDHARDEN := -pie -Wl,-z,relro,-z,now

ifeq ($(VARIANT),asan)
OPT	 := -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing -fsanitize=address,undefined -fno-sanitize-recover=undefined
HARDEN	 := -fPIE
else ifeq ($(VARIANT),tsan)
OPT	 := -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing -fsanitize=thread
HARDEN	 := -fPIE
else ifeq ($(VARIANT),fuzz)
CC	 := $(CLANG)
OPT	 := -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
HARDEN	 := -fPIE
else ifneq ($(VARIANT),)
$(error VARIANT is one of asan, tsan, fuzz, or empty)
endif

# gcc's flow warnings reason about code that the sanitizers have rewritten.
ifneq ($(filter asan tsan,$(VARIANT)),)
ifeq ($(VARIANT),tsan)
WARN	 += -Wno-tsan # atomic_thread_fence(): it says that it does not see them
endif
WARN	 += -Wno-format-truncation -Wno-maybe-uninitialized -Wno-stringop-truncation
endif

# intel-ipsec-mb, where the distribution has it (amd64): AES-GCM. IPSEC_MB=0: without.
IPSEC_MB ?= $(if $(wildcard /usr/include/intel-ipsec-mb.h),1,0)
ifeq ($(IPSEC_MB),1)
CPPFLAGS += -DKH_IPSEC_MB
LDLIBS	 += -Wl,--push-state,--as-needed -lIPSec_MB -Wl,--pop-state
endif

CFLAGS	+= -std=gnu11 $(OPT) $(HARDEN) $(WARN) -pthread
LDFLAGS += $(OPT) $(LDHARDEN) -pthread
LDLIBS	+= $(shell pkg-config --libs $(PKGS) 2>/dev/null || echo '-luring -ljson-c -lcrypto -lacl -lbpf -lmnl')

DAEMON_SRC := $(sort $(shell find daemon -name '*.c'))
CTL_SRC	   := $(sort $(wildcard ctl/*.c))
LIB_SRC	   := $(filter-out daemon/main.c,$(DAEMON_SRC))
UNIT_SRC   := $(sort $(wildcard tests/unit/test_*.c))
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/fuzz_*.c))
STREAM_SRC := $(sort $(wildcard tests/fuzz/stream/*.c))
TOOL_SRC   := $(sort $(wildcard tests/tools/*.c))
BPF_SRC	   := $(sort $(wildcard bpf/*.bpf.c))
CLIENT_SRC := $(sort $(wildcard tests/client/*.c))
PARITY_SRC := $(sort $(wildcard tests/parity/*.c)) $(CLIENT_SRC)
CHAOS_SRC  := $(sort $(wildcard tests/chaos/*.c)) $(CLIENT_SRC)
SMBLOAD_SRC := $(sort $(wildcard tests/smbload/*.c))

obj = $(patsubst %.c,$(O)/%.o,$(1))
LIB    := $(O)/libdaemon.a
LIBCTL := $(O)/libctl.a
DAEMON := $(O)/ksmbd-hybridd
CTL    := $(if $(filter build,$(O)),ksmbd-hybrid,$(O)/ksmbd-hybrid)
UNIT   := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_SRC))
FUZZ   := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(FUZZ_SRC))
TOOLS  := $(patsubst tests/tools/%.c,$(O)/tools/%,$(TOOL_SRC)) $(O)/tools/parity $(O)/tools/chaos \
	  $(O)/tools/smbload
SKEL   := $(patsubst bpf/%.bpf.c,$(O)/gen/%.skel.h,$(BPF_SRC))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all
all: $(if $(wildcard daemon/main.c),$(DAEMON)) $(if $(CTL_SRC),$(CTL)) ## build the daemon and the command (the default)

$(O)/%.o: %.c $(O)/.flags
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# BPF: `gen object` drops what only a debugger wants; the skeleton has the object inside.
BPF_FLAGS = -g -O2 -mcpu=v3 -target bpf -Wall -Wextra -Werror -Iuapi -I. \
	    -idirafter /usr/include/$(shell $(CC) -print-multiarch)

$(O)/bpf/%.bpf.o: bpf/%.bpf.c
	$(Q)mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $(@:.o=.tmp) $<
	$(Q)$(BPFTOOL) gen object $@ $(@:.o=.tmp)

$(O)/gen/%.skel.h: $(O)/bpf/%.bpf.o
	$(Q)mkdir -p $(@D)
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# The first time; then the .d files know who uses which.
$(call obj,$(wildcard daemon/kernel/*.c) $(CTL_SRC) $(UNIT_SRC)): | $(SKEL)

.PHONY: check-vmlinux
check-vmlinux: ## compare vmlinux.h with the BTF of the running kernel
	$(Q)BPFTOOL=$(BPFTOOL) scripts/check-vmlinux

$(LIB): $(call obj,$(LIB_SRC))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(DAEMON): $(call obj,daemon/main.c) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The command without its main(), for unit tests.
$(LIBCTL): $(call obj,$(filter-out ctl/main.c,$(CTL_SRC)))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(CTL): $(call obj,$(CTL_SRC)) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(O)/unit/%: $(O)/tests/unit/%.o $(LIBCTL) $(LIB)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)

# Parts of smbload.
$(O)/unit/test_smbload_%: LDLIBS += -lm
$(O)/unit/test_smbload_hist: $(call obj,tests/smbload/hist.c)
$(O)/unit/test_smbload_verify: $(call obj,tests/smbload/verify.c)

$(O)/tools/counted: $(call obj,$(CLIENT_SRC))

$(O)/tools/%: $(O)/tests/tools/%.o $(LIB)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LDLIBS)

$(O)/tools/parity: $(call obj,$(PARITY_SRC)) $(LIB)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(O)/tools/chaos: $(call obj,$(CHAOS_SRC)) $(LIB)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(O)/tools/smbload: $(call obj,$(SMBLOAD_SRC)) $(LIB)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lm

# Tests of the module without a daemon; they run in a test kernel (tests/kernel).
RIG_SRC := $(wildcard tests/kernel/rig/*.c)
RIG := $(call obj,$(wildcard tests/kernel/rig/rig*.c))
$(O)/kernel/%: $(O)/tests/kernel/rig/%.o $(RIG) $(LIB)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Answers that the module's cryptography has to give (crypto_kat).
$(O)/kernel/make_vectors: $(O)/tests/kernel/crypto_kat/make_vectors.o $(LIB)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# What only the fuzzer of streams is made of.
$(O)/fuzz/fuzz_stream: $(call obj,$(STREAM_SRC))

$(O)/fuzz/%: $(O)/tests/fuzz/%.o $(LIB)
	$(Q)mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(LIB) $(LDLIBS)

# Other flags or another compiler rebuild everything.
FLAGS_NOW := $(CC) $(CPPFLAGS) $(CFLAGS)
$(O)/.flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS_NOW))' > $@
FORCE:

.PHONY: unit tools fuzz
unit: $(UNIT) ## build the unit test programs
tools: $(TOOLS) ## build the test tools (load, idle connections)
fuzz: ## build the fuzzers (clang, ASan, UBSan) into build-fuzz/fuzz
	$(Q)$(MAKE) --no-print-directory VARIANT=fuzz fuzz-programs
.PHONY: fuzz-programs
fuzz-programs: $(FUZZ)

# The module. KDIR: built kernel headers (default: of the running kernel); ARCH=um goes along. Built
# in a folder of its own per kernel release, of links to the sources, so that the tree stays clean.
KDIR	?= /lib/modules/$(shell uname -r)/build
KREL	 = $(shell cat $(KDIR)/include/config/kernel.release 2>/dev/null)
KOUT	?= $(O)/kmod-$(KREL)
KMAKE	 = +$(MAKE) --no-print-directory $(if $(Q),-s) -C $(KDIR) O= M=$(abspath $(KOUT))/kmod \
	   $(if $(ARCH),ARCH=$(ARCH)) KH_VERSION=$(VERSION)

# Tests that run side by side ask for the same module: one at a time.
.PHONY: kmod kmod-build kmod-sources kmod-install dkms-source ynl
kmod: ## build the kernel module (KDIR=, ARCH=um: for another kernel)
	$(Q)mkdir -p $(dir $(KOUT))
	$(Q)flock $(KOUT).lock $(MAKE) --no-print-directory kmod-build

kmod-build: kmod-sources
	$(call say,KMOD,$(KOUT)/kmod/ksmbd_hybrid.ko)
	$(Q)$(KMAKE) modules

kmod-sources:
	$(if $(KREL),,$(error no headers of a kernel in $(KDIR): install linux-headers, or give KDIR=))
	$(Q)mkdir -p $(KOUT)/kmod $(KOUT)/uapi
	$(Q)find $(KOUT)/kmod $(KOUT)/uapi -xtype l -delete
	$(Q)ln -sf $(CURDIR)/kmod/* $(KOUT)/kmod/
	$(Q)ln -sf $(CURDIR)/uapi/* $(KOUT)/uapi/

.PHONY: kmod-lines
kmod-lines: ## how many lines of code the kernel module has, without generated ones
	$(Q)cat $(filter-out %_gen.c %_gen.h,$(wildcard kmod/*.[ch])) | \
		perl -0pe 's:/\*.*?\*/::gs; s://[^\n]*::g' | grep -c '[^[:space:]]'

kmod-install: kmod ## install the module for that kernel (root)
	$(Q)$(KMAKE) modules_install
	$(Q)depmod $(KREL)

dkms-source: ## put the module's source where DKMS looks for it (root)
	$(Q)install -d $(DESTDIR)/usr/src/ksmbd-hybrid-$(VERSION)/kmod \
		$(DESTDIR)/usr/src/ksmbd-hybrid-$(VERSION)/uapi
	$(Q)install -m 644 kmod/* $(DESTDIR)/usr/src/ksmbd-hybrid-$(VERSION)/kmod
	$(Q)install -m 644 uapi/* $(DESTDIR)/usr/src/ksmbd-hybrid-$(VERSION)/uapi
	$(Q)sed 's|@VERSION@|$(VERSION)|' dist/dkms.conf.in \
		> $(DESTDIR)/usr/src/ksmbd-hybrid-$(VERSION)/dkms.conf

ynl: ## make the netlink constants and policies anew from uapi/ksmbd_hybrid.yaml
	$(Q)scripts/ynl-gen --write .

.PHONY: deps up down test check fmt fmt-check install uninstall clean help
deps: ## install the packages that building and testing need (root)
	$(Q)scripts/install-deps

up: ## install what is missing, build, and start a demo share (root)
	$(Q)scripts/install-deps --only build,run
	$(Q)$(MAKE) --no-print-directory all
	$(Q)[ ! -e $(KDIR)/include/config/kernel.release ] || $(MAKE) --no-print-directory kmod || \
		echo 'The kernel module was not built; everything is served in user space.'
	$(Q)scripts/demo up

down: ## stop the demo share
	$(Q)scripts/demo down

test: ## install what is missing, build, and run every test (root)
	$(Q)scripts/install-deps
	$(Q)tests/run

# CMD as it was written: no dollar sign of it is make's.
.PHONY: vm
vm: export KH_CMD = $(value CMD)
vm: ## CMD='...': run it under Debian's 6.12 kernel in a virtual machine (tests/kernel/README.md)
	$(Q)scripts/install-deps --only kernel
	$(Q)tests/kernel/vm $(VMFLAGS) -- "$$KH_CMD"

.PHONY: uml uml-build
uml: export KH_CMD = $(value CMD)
uml: ## CMD='...': run it in user-mode Linux; DEBUG=1: with sanitizers (tests/kernel/README.md)
	$(Q)tests/kernel/uml $(if $(filter 1,$(DEBUG)),--debug) $(UMLFLAGS) -- "$$KH_CMD"

uml-build: ## build both user-mode Linux kernels ahead of time (kept outside the checkout)
	$(Q)tests/kernel/build-uml >/dev/null
	$(Q)tests/kernel/build-uml --debug >/dev/null

# The figures of docs/performance: BENCHFLAGS='--only tail', ...
.PHONY: bench bench-quick bench-kernel
bench: ## the user path against Samba on this machine, 20 minutes (root)
	$(Q)scripts/install-deps --only build,run,test
	$(Q)tests/bench/run $(BENCHFLAGS)

bench-quick: ## what matters most of it, 3 minutes, no file is written (root)
	$(Q)tests/bench/run --quick $(BENCHFLAGS)

bench-kernel: ## the module against ksmbd, user-mode Linux and virtual machine (root)
	$(Q)tests/bench/kernel uml $(BENCHFLAGS)
	$(Q)tests/bench/kernel vm $(BENCHFLAGS)

check: ## static analysis: cppcheck, clang-tidy, shellcheck where installed, formatting
	$(Q)scripts/check

# Made by programs; the module is in the kernel's style, of which checkpatch is the judge.
UNFORMATTED := ^(vmlinux|uapi/ksmbd_hybrid|bpf/vmlinux)\.h$$|^kmod/

fmt: ## format the C sources
	$(Q)git ls-files '*.c' '*.h' | grep -vE '$(UNFORMATTED)' | xargs clang-format -i

fmt-check:
	$(Q)git ls-files '*.c' '*.h' | grep -vE '$(UNFORMATTED)' | xargs clang-format --dry-run -Werror

install: all ## install below DESTDIR and PREFIX
	$(Q)install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBEXEC) $(DESTDIR)$(MANDIR)/man8 \
		$(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(SYSCONFDIR)/ksmbd-hybrid \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/ksmbd-hybrid \
		$(DESTDIR)$(PREFIX)/lib/systemd/system
	$(Q)install -m 755 $(CTL) $(DESTDIR)$(SBINDIR)/ksmbd-hybrid
	$(Q)install -m 755 $(DAEMON) $(DESTDIR)$(LIBEXEC)/ksmbd-hybridd
	$(Q)install -m 644 docs/*.8 $(DESTDIR)$(MANDIR)/man8
	$(Q)install -m 644 docs/*.5 $(DESTDIR)$(MANDIR)/man5
	$(Q)install -m 644 dist/ksmbd-hybrid.conf.example $(DESTDIR)$(SYSCONFDIR)/ksmbd-hybrid
	$(Q)install -m 644 dist/ksmbd-hybrid.bash-completion \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/ksmbd-hybrid
	$(Q)install -m 644 dist/grafana-dashboard.json $(DESTDIR)$(PREFIX)/share/ksmbd-hybrid
	$(Q)sed 's|@SBINDIR@|$(SBINDIR)|;s|@LIBEXEC@|$(LIBEXEC)|' dist/ksmbd-hybrid.service.in \
		> $(DESTDIR)$(PREFIX)/lib/systemd/system/ksmbd-hybrid.service

clean: ## remove everything that was built
	$(Q)rm -rf build build-asan build-tsan build-fuzz build-nostats ksmbd-hybrid

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(patsubst %.o,%.d,$(call obj,$(BPF_SRC) $(DAEMON_SRC) $(CTL_SRC) $(UNIT_SRC) $(FUZZ_SRC) $(STREAM_SRC) $(TOOL_SRC) $(PARITY_SRC) $(CHAOS_SRC) $(SMBLOAD_SRC) $(RIG_SRC)))
