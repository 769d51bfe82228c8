# Caisson's build. Everything made lands in build/; `make help` lists the targets.
#
# The same sources are built several times, each time into a folder of its own: build/ (what is
# installed), build/asan/ (AddressSanitizer and UBSan, what the tests run), build/tsan/
# (ThreadSanitizer, for those with many threads), build/cov/ (coverage) and build/fuzz/ (libFuzzer, by
# clang). The macro `variant` below is one such build.

VERSION := 0.1.0
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
CHAOS_SECONDS ?= 300
# A compiler newer than those we know may find something new: WERROR= builds anyway.
WERROR ?= -Werror
# The helper runs on the engine's machine, so caisson.so holds one for each of these; this machine's
# own is always among them. Each other one takes a cross compiler (tests/setup/packages build).
GUEST_ARCHS ?= amd64 arm64
# V=1 shows whole commands.
Q := $(if $(V),,@)

# ---- sources -------------------------------------------------------------------------------------

# Top to bottom: an include may only point down (tests/abi/layers holds the code to it).
LAYERS := entry tools session channel engine transport util wire
PLUGIN_SRC := $(wildcard $(LAYERS:%=plugin/%/*.c) $(LAYERS:%=plugin/%/*.S)) abi/layout.c
# The helper is in two folders, and shares a few pure sources with the plugin.
GUEST_SRC := $(wildcard plugin/guest/*.c plugin/guest/files/*.c)
GUEST_SHARED := plugin/util/utf8.c plugin/util/sha256.c plugin/util/sha256_fast.c \
  plugin/util/buffer.c plugin/util/alloc.c plugin/util/path.c plugin/util/cidr.c
HOST_SRC := $(wildcard host_demo/*.c)
NODE_SRC := $(wildcard host_demo/node/*.mjs)
WIRE_SRC := $(wildcard plugin/wire/*.c)
SUPPORT_SRC := $(wildcard tests/support/*.c)
# The workload is a program of its own, which runs inside a sandbox.
BENCH_SRC := $(filter-out %/workload.c,$(wildcard tests/bench/*.c))

names = $(basename $(notdir $(wildcard $(1))))
UNIT := $(call names,tests/unit/*.c)
GUEST_TESTS := $(call names,tests/guest/*.c)
# Those that drive the foreign helpers too.
EMULATED := channel input operations
INTEGRATION := $(call names,tests/integration/*.c)
INTEGRATION_SCRIPTS := $(notdir $(wildcard tests/integration/*.sh tests/integration/*.py))
# What would break out of a sandbox, or weaken it behind the plugin's back. On the plain build alone.
SECURITY_SCRIPTS := $(notdir $(wildcard tests/security/*.py))
# Attacks, and the programs that make them from inside a sandbox.
SECURITY := $(call names,tests/security/*.c)
ATTACKS := $(call names,tests/security/inside/*.c)
# Under valgrind too: all but those that move gigabytes, those that start themselves again, which
# valgrind does not allow, and those about what it has its own of: stacks, descriptors, signals,
# malloc.
VALGRIND := $(filter-out call_output call_stdin engine_faults faults_% session_% coexist_limits \
  coexist_malloc coexist_sanitizer coexist_signals coexist_surroundings,$(INTEGRATION))
# Under ThreadSanitizer: those in which many threads meet. `check` runs the quick ones, `check-races`
# the slow ones too.
TSAN_QUICK := $(addprefix unit/,channel_run entry_events entry_registry entry_workers session_flight \
  transport_cancel util_control) \
  $(addprefix integration/,abi_lifetimes async_calls async_ends engine_delivery images_once)
TSAN_SLOW := unit/host_slot $(addprefix integration/,abi_load call_cancel session_ensure session_limit \
  session_reap warm_pool swap_load.py)
ABI_SCRIPTS := $(wildcard tests/abi/*.sh tests/abi/*.py)
ABI_PROGRAMS := $(call names,tests/abi/*.c)
# A host and a plugin of each release's header, of today's and of a made-up next one (abi/README.md).
PEERS := $(notdir $(wildcard tests/abi/baseline/*)) today next
FUZZ := $(call names,tests/fuzz/fuzz_*.c)
SHIPPED_C := $(filter %.c,$(PLUGIN_SRC)) $(GUEST_SRC) $(HOST_SRC)
ALL_C := $(SHIPPED_C) $(wildcard tests/*/*.c tests/abi/peer/*.c tests/security/inside/*.c \
  tests/guest/inside/*.c)
SCRIPTS := $(wildcard .ci/run tests/setup/* tests/*.sh tests/abi/*.sh tests/integration/*.sh) \
  tests/exec host_demo/demo.sh

# ---- architectures -------------------------------------------------------------------------------

# By the names that engines use. The compiler may be one of the things that are still to be installed.
TRIPLE := $(or $(shell $(CC) -dumpmachine 2>/dev/null),$(shell uname -m))
MACHINE := $(firstword $(subst -, ,$(TRIPLE)))
NATIVE := $(patsubst x86_64,amd64,$(patsubst aarch64,arm64,$(MACHINE)))
FOREIGN := $(filter-out $(NATIVE),$(GUEST_ARCHS))
GUESTS := $(sort $(NATIVE) $(FOREIGN))
CROSS_amd64 := x86_64-linux-gnu-gcc
CROSS_arm64 := aarch64-linux-gnu-gcc

# ---- flags ---------------------------------------------------------------------------------------

OPT ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
  -Wpointer-arith -Wcast-qual -Wundef -Wvla -Wswitch-enum $(WERROR)
WARN_GCC := -Wlogical-op -Wduplicated-cond
HARDEN_amd64 := -fcf-protection
HARDEN_arm64 := -mbranch-protection=standard
# $(1) architecture
harden = -fstack-protector-strong -fstack-clash-protection $(HARDEN_$(1))
HARDEN := $(call harden,$(NATIVE))
FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
LINK_HARDEN := -Wl,-z,relro,-z,now,-z,noexecstack
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

LIBS := libcurl libcjson libarchive libedit libpcre2-8 libcrypto
LIB_CFLAGS := $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
# The plugin itself finds libcjson when it is first used (plugin/util/own_cjson.h says why).
PLUGIN_LIBS := $(shell pkg-config --libs libcurl libarchive 2>/dev/null) -ldl -lpthread
TEST_LIBS := $(PLUGIN_LIBS) $(shell pkg-config --libs libcjson libpcre2-8 libcrypto 2>/dev/null)
# The helper links its regular expressions statically.
PCRE2_STATIC := $(shell pkg-config --static --libs libpcre2-8 2>/dev/null)
HOST_LIBS := $(shell pkg-config --libs libcurl libedit libcjson libcrypto 2>/dev/null) -ldl -lpthread -lm

# Sources define no feature macro: it is set here, once.
DEFINES := -D_GNU_SOURCE -DCSN_VERSION='"$(VERSION)"'
BUILD_ID := $(or $(if $(wildcard .git),$(shell git describe --always --dirty 2>/dev/null)),unknown)
# No path of the machine that built it ends up in what is installed.
STRICT = -std=gnu11 $(WARN) $(if $(findstring clang,$(1)),,$(WARN_GCC)) $(DEFINES) \
  -ffile-prefix-map=$(CURDIR)=. -Iplugin -Iabi -Itests -I. -MMD -MP
COMMON = $(STRICT) $(HARDEN) $(LIB_CFLAGS)

# ---- what people type ----------------------------------------------------------------------------

.DEFAULT_GOAL := all
.PHONY: all demo check check-unit check-integration check-engines check-races check-programs chaos bench \
  lint fuzz fuzz-long coverage install clean help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.SECONDARY:

# A plain `make check` uses all cores too; one given -j keeps what it was given.
CORES := $(shell nproc 2>/dev/null || echo 2)
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(CORES))
# tests/exec gives each test its environment by the folder it was built into.
PROVE := env HARNESS_RULESFILE=tests/testrules.yml prove -j$(CORES) --timer --exec tests/exec
WITH_ENGINE := tests/setup/engine run
WITH_IMAGES := tests/setup/image all

all: build/caisson.so build/caisson-host ## build the plugin and the demo host

demo: ## install what is missing, build, then show real work in a sandbox
	@tests/setup/packages build demo
	@$(MAKE) $(JOBS) all
	@$(WITH_ENGINE) host_demo/demo.sh

check: ## install what is missing, build, then run every test
	@tests/setup/packages build check
	@$(MAKE) $(JOBS) check-programs
	@$(WITH_ENGINE) $(WITH_IMAGES) $(PROVE) $(PLAIN_TESTS) $(ENGINE_TESTS)

check-unit: ## the tests that need no engine
	@tests/setup/packages build check
	@$(MAKE) $(JOBS) check-programs
	@$(PROVE) $(PLAIN_TESTS)

check-integration: ## the tests that need an engine
	@tests/setup/packages build check
	@$(MAKE) $(JOBS) check-programs
	@$(WITH_ENGINE) $(WITH_IMAGES) $(PROVE) $(ENGINE_TESTS)

check-engines: ## the suite on Docker 26.1 and 28.5, Podman 4.3 and gVisor (ENGINES="podman-4.3")
	@tests/setup/packages build check engines
	@$(MAKE) $(JOBS) $(INTEGRATION:%=build/integration/%) $(INTEGRATION_SCRIPTS:%=build/integration/%) all
	@tests/engines/run $(ENGINES)

check-races: ## the tests in which many threads meet, under ThreadSanitizer
	@tests/setup/packages build check
	@$(MAKE) $(JOBS) build/tsan/caisson.so build/tsan/caisson-host build/tsan/other/caisson.so \
	  $(patsubst %,build/tsan/%,$(TSAN_QUICK) $(TSAN_SLOW))
	@$(WITH_ENGINE) $(WITH_IMAGES) $(PROVE) $(patsubst %,build/tsan/%,$(TSAN_QUICK) $(TSAN_SLOW))

chaos: ## random calls while everything is killed and restarted (CHAOS_SECONDS=300, CHAOS_SEED)
	@tests/setup/packages build check
	@$(MAKE) $(JOBS) all
	@CHAOS_SECONDS=$(CHAOS_SECONDS) CHAOS_SEED=$(CHAOS_SEED) \
	  CAISSON_TEST_TIMEOUT=$$(($(CHAOS_SECONDS) + 600)) \
	  $(WITH_ENGINE) $(WITH_IMAGES) tests/exec tests/chaos/chaos.py

bench: ## measure beside docker exec and the engine itself (BENCH_ARGS=--json)
	@tests/setup/packages build demo bench
	@$(MAKE) $(JOBS) all build/other/caisson.so build/bench/bench build/bench/workload
	@$(WITH_ENGINE) $(WITH_IMAGES) tests/bench/run $(BENCH_ARGS)

lint: ## compile with clang too, then gcc's analyzer, clang-tidy, cppcheck and shellcheck
	@tests/setup/packages build lint
	@$(MAKE) $(JOBS) $(ALL_C:%.c=build/clang/obj/%.o) $(ANALYZED)
	@prove --exec tests/exec $(LINT_TESTS)
	@echo clang-tidy && clang-tidy --quiet $(ALL_C) -- \
	  $(filter-out -MMD -MP,$(call COMMON,clang)) -Ibuild -DCSN_BUILD_ID='""' 2>/dev/null
	@echo cppcheck && cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability \
	  --suppressions-list=tests/lint/cppcheck.quiet -D_GNU_SOURCE -Iplugin -Iabi -Ibuild \
	  --include=$(shell pkg-config --variable=includedir libcjson)/cjson/cJSON.h $(SHIPPED_C)
	@echo shellcheck && shellcheck -x -P SCRIPTDIR $(SCRIPTS)

fuzz: ## fuzz every parser for FUZZ_SECONDS (60) each, starting from tests/fuzz/corpus
	@tests/setup/packages build fuzz
	@$(MAKE) $(JOBS) $(FUZZ:%=build/fuzz/run/%)
	@for f in $(FUZZ); do \
	  mkdir -p build/fuzz/corpus/$$f && build/fuzz/run/$$f -max_total_time=$(FUZZ_SECONDS) \
	    -timeout=10 -print_final_stats=1 -artifact_prefix=build/fuzz/$$f- \
	    build/fuzz/corpus/$$f tests/fuzz/corpus/$${f#fuzz_} || exit 1; \
	done

fuzz-long: ## fuzz for FUZZ_HOURS (1), the least fuzzed first; can be stopped and resumed; keeps what it finds
	@tests/setup/packages build fuzz
	@$(MAKE) $(JOBS) $(FUZZ:%=build/fuzz/run/%)
	@tests/fuzz/long build/fuzz/run $(FUZZ)

coverage: ## branch coverage of the plugin's files by the unit tests and the corpora
	@tests/setup/packages build check
	@$(MAKE) $(JOBS) $(COVERED)
	@tests/coverage --all

# Versions lie side by side, and a link says which is meant: a process that has loaded a file never
# sees another under its name, and a host finds what to go back to. Nobody sees half a file.
PLUGINS = $(DESTDIR)$(PREFIX)/lib/caisson
RELEASE_NAME = $(VERSION)-$(subst /,-,$(BUILD_ID))

install: all ## copy plugin, header, host and caisson.pc to DESTDIR/PREFIX; keeps older plugins
	install -d $(PLUGINS)/$(RELEASE_NAME) $(DESTDIR)$(PREFIX)/lib/pkgconfig \
	  $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/bin
	install -m 0755 build/caisson.so $(PLUGINS)/$(RELEASE_NAME)/.caisson.so.new
	mv -fT $(PLUGINS)/$(RELEASE_NAME)/.caisson.so.new $(PLUGINS)/$(RELEASE_NAME)/caisson.so
	ln -sfn $(RELEASE_NAME)/caisson.so $(PLUGINS)/.caisson.so.new
	mv -fT $(PLUGINS)/.caisson.so.new $(PLUGINS)/caisson.so
	install -m 0644 abi/caisson.h $(DESTDIR)$(PREFIX)/include/caisson.h
	install -m 0755 build/caisson-host $(DESTDIR)$(PREFIX)/bin/caisson-host
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' abi/caisson.pc.in \
	  > $(DESTDIR)$(PREFIX)/lib/pkgconfig/caisson.pc
	chmod 0644 $(DESTDIR)$(PREFIX)/lib/pkgconfig/caisson.pc

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1 /p' Makefile | while read -r target text; do \
	  printf '  make %-18s %s\n' "$$target" "$$text"; done

# ---- how things are made -------------------------------------------------------------------------

# Plain `make` installs nothing; it says first what is missing.
build/libraries-found:
	@{ command -v pkg-config && pkg-config --exists $(LIBS); } >/dev/null || \
	  { echo "pkg-config finds not all of: $(LIBS)" >&2; tests/setup/packages --list build; exit 1; }
	@for cc in $(foreach a,$(FOREIGN),$(CROSS_$(a))); do command -v $$cc >/dev/null || \
	  { echo "$$cc is missing (GUEST_ARCHS=$(NATIVE) does without it)" >&2; \
	    tests/setup/packages --list build; exit 1; }; done
	@mkdir -p build && touch $@

# A foreign helper's regular expressions: there is no pkg-config for them.
build/%/pcre2/libpcre2-8.a: | build/libraries-found
	@tests/setup/foreign_pcre2 $* $(@D) && touch $@

# Rewritten only when it changes, so that a commit recompiles what names it and not everything.
build/build-id: .FORCE
	@mkdir -p build && echo '$(VERSION) $(BUILD_ID)' | cmp -s - $@ || echo '$(VERSION) $(BUILD_ID)' > $@
# Phony: .SECONDARY takes a file that is not there for one that need not be made.
.PHONY: .FORCE
.FORCE:

objects = $(patsubst %,$(1)/obj/%.o,$(basename $(2)))

# $(1) folder, $(2) compiler and all flags for its machine, $(3) PCRE2: the helper, a static binary that
# needs nothing of an image.
define guest
$(1)/guest-obj/%.o: %.c Makefile | build/libraries-found
	@mkdir -p $$(@D) && echo '  CC     $$@'
	$(Q)$(2) $(call STRICT,$(2)) -ffunction-sections -fdata-sections -c -o $$@ $$<
$(1)/caisson-guest: $(patsubst %.c,$(1)/guest-obj/%.o,$(GUEST_SRC) $(GUEST_SHARED) $(WIRE_SRC))
	@echo '  LINK   $$@'
	$(Q)$(2) -static -s $(LINK_HARDEN) -Wl,--gc-sections,--build-id=none -o $$@ $$^ $(3)
endef

# $(1) architecture: the same for another machine, in build/ARCHITECTURE.
define foreign_guest
$(call guest,build/$(1),$(CROSS_$(1)) $(OPT) $(FORTIFY) $(call harden,$(1)) -isystem build/$(1)/pcre2,\
  build/$(1)/pcre2/libpcre2-8.a)
$(patsubst %.c,build/$(1)/guest-obj/%.o,$(GUEST_SRC)): | build/$(1)/pcre2/libpcre2-8.a
endef

# $(1) folder: one helper for each architecture, and the header that names them by their hashes. Only
# this machine's own differs between the builds.
define guests
$(1)/guests/$(NATIVE): $(1)/caisson-guest
$(foreach a,$(FOREIGN),$(1)/guests/$(a): build/$(a)/caisson-guest
)
$(GUESTS:%=$(1)/guests/%):
	@mkdir -p $$(@D) && ln -f $$< $$@
$(1)/guest_hash.h: $(GUESTS:%=$(1)/guests/%)
	@{ printf '#define CSN_GUESTS(ROW)'; for g in $(GUESTS); do \
	  set -- $$$$(sha256sum $(1)/guests/$$$$g) && printf ' ROW(%s, "guest-%.16s")' $$$$g $$$$1; \
	  done; echo; } > $$@
endef

# $(1) folder, $(2) compiler and flags, $(3) folder of the helper it embeds: plugin and host.
define variant
$(1)/obj/%.o: %.c Makefile | build/libraries-found
	@mkdir -p $$(@D) && echo '  CC     $$@'
	$(Q)$(2) $(call COMMON,$(2)) -fPIC -fvisibility=hidden -I$(3) $$(EXTRA) -c -o $$@ $$<
$(1)/obj/%.o: %.S Makefile
	@mkdir -p $$(@D) && echo '  AS     $$@'
	$(Q)$(2) $(HARDEN) -DCSN_GUESTS='$(GUESTS)' -Wa,-I,$(3)/guests -Wa,-I,plugin -c -o $$@ $$<
$(call objects,$(1),$(wildcard plugin/channel/*.c tests/unit/channel_*.c)): | $(3)/guest_hash.h
$(1)/obj/plugin/channel/guest_blob.o: $(GUESTS:%=$(3)/guests/%)
$(1)/obj/plugin/tools/manifest_blob.o: plugin/tools/manifest.json
$(1)/obj/plugin/session/seccomp_blob.o: plugin/session/seccomp.json plugin/session/seccomp_strict.json
$(1)/obj/plugin/entry/%.o: EXTRA = -DCSN_BUILD_ID='"$(BUILD_ID)"'
$(call objects,$(1),$(wildcard plugin/entry/*.c) $(shell grep -l CSN_VERSION plugin/*/*.c host_demo/*.c)): \
  build/build-id
# The same plugin as another build: what a host changes to and back.
$(1)/other/obj/%.o: %.c build/build-id Makefile | build/libraries-found
	@mkdir -p $$(@D) && echo '  CC     $$@'
	$(Q)$(2) $(call COMMON,$(2)) -fPIC -fvisibility=hidden -I$(3) -DCSN_BUILD_ID='"$(BUILD_ID)-other"' -c -o $$@ $$<
$(1)/obj/host_demo/loader.o: EXTRA = -DCSN_PLUGIN_PATH='"$(PREFIX)/lib/caisson/caisson.so"'

$(1)/other/caisson.so: $(call objects,$(1),$(filter-out plugin/entry/%,$(PLUGIN_SRC))) \
  $(call objects,$(1)/other,$(filter plugin/entry/%,$(PLUGIN_SRC))) abi/caisson.map
$(1)/caisson.so: $(call objects,$(1),$(PLUGIN_SRC)) abi/caisson.map
$(1)/caisson.so $(1)/other/caisson.so:
	@echo '  LINK   $$@'
	$(Q)$(2) -shared $(LINK_HARDEN) -Wl,-z,defs,-z,nodelete,--version-script=abi/caisson.map \
	  -o $$@ $$(filter %.o,$$^) $(PLUGIN_LIBS)
	@chmod go-w $$@ # whatever the umask: a host loads no plugin that others could change
$(1)/caisson-host: $(call objects,$(1),$(HOST_SRC))
	@echo '  LINK   $$@'
	$(Q)$(2) -pie $(LINK_HARDEN) -o $$@ $$^ $(HOST_LIBS)
# Unit tests reach the internals: they link all that the plugin, the helper and the host are made of,
# as archives, so that only what a test uses comes in, and no main but its own. q: members of two
# folders may share a name. The helper has no threads, and a fence that ThreadSanitizer cannot follow.
$(1)/internals.a: $(call objects,$(1),$(PLUGIN_SRC) $(if $(filter %/tsan,$(1)),,$(GUEST_SRC)))
$(1)/host.a: $(call objects,$(1),$(HOST_SRC))
$(1)/support.a: $(call objects,$(1),$(SUPPORT_SRC))
$(1)/internals.a $(1)/host.a $(1)/support.a:
	@rm -f $$@ && $(AR) qcs $$@ $$^
endef

# $(1) folder, $(2) what is made in it, $(3) from which folder of tests/, $(4) compiler and flags,
# $(5) further objects, $(6) libraries: one program for each source file.
define programs
$(1)/$(2)/%: $(1)/obj/tests/$(3)/%.o $(1)/support.a $(5)
	@mkdir -p $$(@D) && echo '  LINK   $$@'
	$(Q)$(4) $$(LINK_MORE) -o $$@ $$^ $(6)
endef
# A host that exports what it carries inside itself.
build/integration/coexist_cjson build/asan/integration/coexist_cjson: LINK_MORE = -rdynamic

# $(1) folder, $(2) compiler and flags: PEER/caisson.h and what is built with it, and with nothing
# else of this tree. `demanding` is a plugin that works with no older host.
define peers
$(1)/abi/peer/today/caisson.h: abi/caisson.h
	@mkdir -p $$(@D) && cp $$< $$@
$(1)/abi/peer/next/caisson.h: tests/abi/peer/next_header.py abi/caisson.h
	@mkdir -p $$(@D) && $$^ > $$@
$(1)/abi/peer/%/caisson.h: tests/abi/baseline/%/caisson.h
	@mkdir -p $$(@D) && cp $$< $$@
$(1)/abi/peer/%/host: tests/abi/peer/host.c $(1)/abi/peer/%/caisson.h
	$(Q)$(2) -std=gnu11 $(WARN) $(DEFINES) -I$$(@D) -o $$@ $$< -ldl
$(1)/abi/peer/%/plugin.so: tests/abi/peer/plugin.c $(1)/abi/peer/%/caisson.h
	$(Q)$(2) -std=gnu11 $(WARN) $(DEFINES) -fPIC -shared -I$$(@D) -o $$@ $$<
$(1)/abi/peer/%/demanding.so: tests/abi/peer/plugin.c $(1)/abi/peer/%/caisson.h
	$(Q)$(2) -std=gnu11 $(WARN) $(DEFINES) -fPIC -shared -I$$(@D) \
	  -DNEEDS_HOST_MINOR=CAISSON_ABI_MINOR -o $$@ $$<
endef

# What gcc's analyzer says of a file, in a file; tests/lint/analyzer.py reads them all.
build/analyzed/%.txt: %.c Makefile | build/libraries-found build/guest_hash.h
	@mkdir -p $(@D) && echo '  CHECK  $@'
	$(Q)LC_ALL=C gcc -O1 -fanalyzer $(filter-out -Werror,$(call STRICT,gcc)) $(LIB_CFLAGS) -Ibuild \
	  -DCSN_BUILD_ID='""' -DCSN_PLUGIN_PATH='""' -MF $@.d -MT $@ -c -o /dev/null $< 2> $@ || { cat $@; exit 1; }

RELEASE := $(CC) $(OPT) $(FORTIFY)
ASAN := $(CC) $(SANITIZE)
TSAN := $(CC) -O1 -g -fno-omit-frame-pointer -fsanitize=thread
COV := $(CC) -O0 -g --coverage
FUZZER := clang $(SANITIZE) -fsanitize=fuzzer-no-link
# No shared library inside a sandbox, so UBSan traps instead of reporting.
TRAP := $(CC) -O1 -g -fsanitize=undefined -fsanitize-undefined-trap-on-error

$(eval $(call guest,build,$(RELEASE) $(HARDEN) $(LIB_CFLAGS),$$(PCRE2_STATIC)))
$(eval $(call guest,build/asan,$(TRAP) $(HARDEN) $(LIB_CFLAGS),$$(PCRE2_STATIC)))
$(foreach a,$(FOREIGN),$(eval $(call foreign_guest,$(a))))
$(eval $(call guests,build))
$(eval $(call guests,build/asan))
$(eval $(call variant,build,$(RELEASE),build))
$(eval $(call variant,build/asan,$(ASAN),build/asan))
$(eval $(call variant,build/tsan,$(TSAN),build))
$(eval $(call variant,build/cov,$(COV),build))
$(eval $(call variant,build/fuzz,$(FUZZER),build))
$(eval $(call variant,build/clang,clang $(OPT) $(FORTIFY),build))
$(eval $(call peers,build,$(RELEASE)))
$(eval $(call peers,build/asan,$(ASAN)))
$(eval $(call programs,build,abi,abi,$(RELEASE),,-ldl))
$(eval $(call programs,build/asan,abi,abi,$(ASAN),,-ldl))
$(eval $(call programs,build,integration,integration,$(RELEASE),build/internals.a,$(TEST_LIBS)))
$(eval $(call programs,build/asan,integration,integration,$(ASAN),build/asan/internals.a,$(TEST_LIBS)))
$(eval $(call programs,build/asan,unit,unit,$(ASAN),build/asan/internals.a build/asan/host.a,$(TEST_LIBS)))
$(eval $(call programs,build/asan,guest,guest,$(ASAN),build/asan/internals.a,$(TEST_LIBS)))
$(eval $(call programs,build/asan,replay,fuzz,$(ASAN),build/asan/obj/tests/fuzz/replay_main.o \
  build/asan/internals.a build/asan/host.a,$(TEST_LIBS)))
$(eval $(call programs,build/tsan,unit,unit,$(TSAN),build/tsan/internals.a,$(TEST_LIBS)))
build/tsan/unit/host_slot: build/tsan/host.a
$(eval $(call programs,build/tsan,integration,integration,$(TSAN),build/tsan/internals.a,$(TEST_LIBS)))
$(eval $(call programs,build/cov,unit,unit,$(COV),build/cov/internals.a build/cov/host.a,$(TEST_LIBS)))
$(eval $(call programs,build/cov,replay,fuzz,$(COV),build/cov/obj/tests/fuzz/replay_main.o \
  build/cov/internals.a build/cov/host.a,$(TEST_LIBS)))
$(eval $(call programs,build/fuzz,run,fuzz,$(FUZZER) -fsanitize=fuzzer,build/fuzz/internals.a build/fuzz/host.a,$(TEST_LIBS)))

# A helper whose allocations a test can make fail.
build/asan/caisson-guest-asking: build/asan/guest-obj/tests/guest/inside/malloc.o \
  $(patsubst %.c,build/asan/guest-obj/%.o,$(GUEST_SRC) $(GUEST_SHARED) $(WIRE_SRC))
	@echo '  LINK   $@'
	$(Q)$(TRAP) -static -s -Wl,--gc-sections,--wrap=malloc,--wrap=calloc,--wrap=realloc -o $@ $^ \
	  $(PCRE2_STATIC)
build/asan/guest/syscalls: | build/asan/caisson-guest-asking

build/bench/bench: $(call objects,build,$(BENCH_SRC))
	@mkdir -p $(@D) && echo '  LINK   $@'
	$(Q)$(RELEASE) -o $@ $^ $(HOST_LIBS)
build/bench/workload: build/guest-obj/tests/bench/workload.o
	@mkdir -p $(@D) && echo '  LINK   $@'
	$(Q)$(RELEASE) -static -s -o $@ $^

# Attacks run inside a sandbox, of whose image they need nothing. The tests that start them are run
# once: what counts there is the plugin and the helper as they are installed.
$(eval $(call programs,build,security,security,$(RELEASE),build/internals.a,$(TEST_LIBS)))
build/security/inside/%: build/guest-obj/tests/security/inside/%.o
	@mkdir -p $(@D) && echo '  LINK   $@'
	$(Q)$(RELEASE) -static -s -o $@ $^ -lpthread
$(SECURITY:%=build/security/%): | $(ATTACKS:%=build/security/inside/%)

# The host in Node runs where its packages are: nothing is put beside its source.
NODE_HOST := build/node/.packages $(NODE_SRC:host_demo/node/%=build/node/%)
check-programs: $(NODE_HOST)
build/node/.packages: host_demo/node/package.json host_demo/node/package-lock.json
	@echo '  NPM    $(@D)'
	@tests/setup/node_packages $(<D) $(@D) && touch $@
build/node/%.mjs: host_demo/node/%.mjs
	@mkdir -p $(@D) && cp $< $@

# So do the official clients of the Model Context Protocol, with a Node that is new enough for them.
check-programs: build/mcp/.packages build/mcp/clients.mjs build/mcp/tap.mjs
build/mcp/.packages: tests/integration/mcp_clients/package.json tests/integration/mcp_clients/package-lock.json
	@echo '  NPM    $(@D)'
	@tests/setup/node_packages $(<D) $(@D) && touch $@
build/mcp/clients.mjs: tests/integration/mcp_clients/clients.mjs
	@mkdir -p $(@D) && cp $< $@
build/mcp/tap.mjs: tests/integration/host_node/tap.mjs
	@mkdir -p $(@D) && cp $< $@

# ---- what `make check` runs ----------------------------------------------------------------------

# What counts as covering a file, of a build of its own.
COVERED = $(UNIT:%=build/cov/unit/%) $(FUZZ:%=build/cov/replay/%)
# clang compiles what is shipped and what is fuzzed, gcc analyzes what is shipped: the part of
# `make lint` that takes seconds.
ANALYZED = $(patsubst %.c,build/analyzed/%.txt,$(SHIPPED_C))
CLANG_TOO = $(patsubst %.c,build/clang/obj/%.o,$(SHIPPED_C) $(wildcard tests/fuzz/fuzz_*.c))
LINT_TESTS := $(wildcard tests/lint/*.py)
PLAIN_TESTS = $(UNIT:%=build/asan/unit/%) $(FUZZ:%=build/asan/replay/%) $(ABI_SCRIPTS) \
  $(ABI_PROGRAMS:%=build/abi/%) $(ABI_PROGRAMS:%=build/asan/abi/%) build/asan/abi/matrix.py \
  tests/fake_engine/selftest.py tests/coverage $(LINT_TESTS) $(GUEST_TESTS:%=build/asan/guest/%) \
  $(foreach a,$(FOREIGN),$(EMULATED:%=build/$(a)/guest/%)) \
  $(patsubst %,build/tsan/%,$(filter unit/%,$(TSAN_QUICK)))
# Where everything fails in turn, it is the sanitized build that has most to say.
ENGINE_TESTS = $(patsubst %,build/integration/%,$(filter-out faults_%,$(INTEGRATION))) \
  $(INTEGRATION:%=build/asan/integration/%) \
  $(foreach d,build build/asan,$(INTEGRATION_SCRIPTS:%=$(d)/integration/%)) $(VALGRIND:%=build/valgrind/%) \
  $(SECURITY:%=build/security/%) $(SECURITY_SCRIPTS:%=build/security/%) \
  $(patsubst %,build/tsan/%,$(filter integration/%,$(TSAN_QUICK)))
PEER_FILES := $(foreach d,build build/asan,$(d)/abi/peer/next/demanding.so \
  $(foreach p,$(PEERS),$(d)/abi/peer/$(p)/host $(d)/abi/peer/$(p)/plugin.so))

check-programs: all build/asan/caisson.so build/asan/caisson-host build/other/caisson.so \
  build/asan/other/caisson.so build/tsan/caisson.so $(filter build/%,$(PLAIN_TESTS) $(ENGINE_TESTS))
check-programs: $(COVERED) $(ANALYZED) $(CLANG_TOO)
check-programs: $(PEER_FILES)

# A script is run once for each build: tests/exec tells by the link's folder which one is meant.
$(foreach d,build build/asan build/tsan,$(INTEGRATION_SCRIPTS:%=$(d)/integration/%)):
	@mkdir -p $(@D) && ln -sf $(CURDIR)/tests/integration/$(@F) $@
$(SECURITY_SCRIPTS:%=build/security/%):
	@mkdir -p $(@D) && ln -sf $(CURDIR)/tests/security/$(@F) $@
build/integration/abi_baseline.py: $(filter-out build/asan/%,$(PEER_FILES))
build/asan/integration/abi_baseline.py build/asan/abi/matrix.py: $(filter build/asan/%,$(PEER_FILES))
build/asan/abi/matrix.py:
	@mkdir -p $(@D) && ln -sf $(CURDIR)/tests/abi/$(@F) $@
build/valgrind/%: build/integration/%
	@mkdir -p $(@D) && ln -sf $(CURDIR)/$< $@
# A foreign helper is driven by the same programs, under an emulator: by those of which the emulator can
# do all (plugin/guest/README.md says what it cannot).
define emulated
build/$(1)/guest/%: build/asan/guest/% build/$(1)/caisson-guest
	@mkdir -p $$(@D) && ln -sf $(CURDIR)/$$< $$@
endef
$(foreach a,$(FOREIGN),$(eval $(call emulated,$(a))))

-include $(shell find build -name '*.d' 2>/dev/null)
