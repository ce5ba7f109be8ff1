# gradd -- gradients over HTTP. `make help` lists what can be made.

# ---- settings: change them here, or on the command line --------------------------------------

BUILD   = build
PREFIX  = /usr/local
CC      = gcc
CXX     = g++
OPT     = -O2 -g
WERROR  = -Werror
SAN     =
COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

# -Wno-sign-conversion: mixing size_t and int64_t in checked arithmetic would drown the code in casts.
WARN   = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion $(WERROR)
CWARN  = $(WARN) -Wstrict-prototypes -Wmissing-prototypes
# The same bits on every machine: no contraction into fused multiply-adds, no fast-math.
FP     = -ffp-contract=off -fno-math-errno
HARDEN = $(if $(SAN),,-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
CFLAGS   = -std=gnu11 $(OPT) $(CWARN) $(FP) $(HARDEN) $(SAN)
CXXFLAGS = -std=gnu++17 $(OPT) $(WARN) $(FP) $(HARDEN) -fno-exceptions -fno-rtti $(SAN)
LDFLAGS  = $(SAN) -Wl,--as-needed

# ---- what follows seldom changes --------------------------------------------------------------

MAKEFLAGS += --no-print-directory --no-builtin-rules
ifeq ($(MAKELEVEL)$(filter -j% --jobs%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif
# One short line a step; V=1 shows the commands.
Q = $(if $(V),,@echo "  making $@"; )
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

B := $(BUILD)
LIBDIR = $(PREFIX)/lib
VERSION := $(shell sed -n 's/^\#define GRAD_VERSION "\(.*\)"/\1/p' core/grad.h)
ABI     := $(firstword $(subst ., ,$(VERSION)))
BLAS_CFLAGS := $(shell pkg-config --cflags openblas 2>/dev/null)
BLAS_LIBS   := $(or $(shell pkg-config --libs openblas 2>/dev/null),-lopenblas)

objects = $(patsubst %,$(B)/%.o,$(basename $(1)))

# Each layer sees itself and the one below; the tests see all.
CORE   := $(call objects,$(wildcard core/*.c core/ops/*.c))
API    := $(call objects,$(wildcard api/*.c api/*.cc))
SERVER := $(call objects,$(wildcard server/*.c))
TESTS  := $(call objects,$(wildcard tests/test_*.c))
HELP   := $(filter-out $(TESTS),$(call objects,$(wildcard tests/*.c)))
GEN    := $(if $(wildcard api/openapi.yaml),$(B)/gen/openapi_json.o) \
          $(if $(wildcard api/index.html),$(B)/gen/index_html.o)
PROGRAMS := $(TESTS:.o=)

# Kernels are loops over lanes: -O3 makes them SIMD loops, and changes none of their bits.
LOOPS = $(if $(SAN),,$(if $(filter $(B)/core/ops/%,$@),-O3))
$(CORE):   FLAGS = -Icore $(BLAS_CFLAGS) -fPIC -fvisibility=hidden $(LOOPS)
$(API):    FLAGS = -Icore -Iapi -fPIE
$(SERVER): FLAGS = -Iapi -Iserver -fPIE
$(TESTS) $(HELP): FLAGS = -Icore -Iapi -Iserver -Itests -fPIE
$(GEN):    FLAGS = -Iapi -fPIE -Wno-overlength-strings

# The commit reaches only the files that name it, so that a new one rebuilds little.
STAMPED := $(call objects,$(shell grep -l GRADD_BUILD $(wildcard server/*.c) /dev/null))
$(STAMPED): STAMP = -DGRAD_VERSION='"$(VERSION)"' -DGRADD_BUILD='"$(COMMIT)"'
$(STAMPED): $(B)/commit.was

# Files that are rewritten when a setting has changed, for what depends on it.
$(B)/commit.was: TEXT = $(VERSION) $(COMMIT)
$(B)/prefix.was: TEXT = $(PREFIX)
$(B)/flags.was:  TEXT = $(CC) $(CFLAGS) $(CXX) $(CXXFLAGS)
$(CORE) $(API) $(SERVER) $(TESTS) $(HELP) $(GEN): $(B)/flags.was
$(B)/%.was: FORCE
	@mkdir -p $(@D); echo "$(TEXT)" | cmp -s - $@ || echo "$(TEXT)" >$@
FORCE:
.PRECIOUS: $(B)/%.was $(B)/gen/%.c

## all: build the library and the service (the default)
all: $(B)/gradd $(B)/libgrad.so $(B)/grad.pc

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(FLAGS) $(STAMP) -MMD -MP -c -o $@ $<
$(B)/%.o: %.cc
	@mkdir -p $(@D)
	$(Q)$(CXX) $(CXXFLAGS) $(FLAGS) -MMD -MP -c -o $@ $<
$(B)/gen/%.o: $(B)/gen/%.c
	$(Q)$(CC) $(CFLAGS) $(FLAGS) -c -o $@ $<

$(B)/libgrad.so.$(ABI): $(CORE)
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-soname,libgrad.so.$(ABI) -Wl,-z,defs,-z,now,-z,relro \
	    -o $@ $^ $(BLAS_LIBS) -lm
$(B)/libgrad.so: $(B)/libgrad.so.$(ABI)
	$(Q)ln -sf $(<F) $@

$(B)/gradd: $(API) $(SERVER) $(GEN) $(B)/libgrad.so
	$(Q)$(CC) $(LDFLAGS) -pie -Wl,-z,now,-z,relro -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib' -o $@ \
	    $(filter %.o,$^) -L$(B) -lgrad -ljansson -lmicrohttpd -lpthread -lstdc++ -lm

$(B)/grad.pc: core/grad.h $(B)/prefix.was
	@mkdir -p $(@D)
	$(Q)printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$${prefix}/lib' 'includedir=$${prefix}/include' '' \
	    'Name: grad' 'Description: computational graphs and their derivatives' \
	    'Version: $(VERSION)' 'Libs: -L$${libdir} -lgrad' 'Libs.private: $(BLAS_LIBS) -lm' \
	    'Cflags: -I$${includedir}' >$@

# Tools that run during the build and leave C tables behind; never sanitized.
$(B)/yaml2json: api/tools/yaml2json.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fsanitize%,$(CFLAGS)) -o $@ $< -lyaml -ljansson
$(B)/embed: api/tools/embed.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fsanitize%,$(CFLAGS)) -o $@ $<
# The reference of the operators; a test holds the file of the repository against it.
$(B)/reference: api/tools/reference.c core/grad.h $(B)/libgrad.so
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Icore -Wl,-rpath,'$$ORIGIN' $(LDFLAGS) -o $@ $< -L$(B) -lgrad -lm
$(B)/gen/openapi_json.c: api/openapi.yaml $(B)/yaml2json
	@mkdir -p $(@D)
	$(Q)$(B)/yaml2json $< openapi_json >$@
$(B)/gen/index_html.c: api/index.html $(B)/embed
	@mkdir -p $(@D)
	$(Q)$(B)/embed $< index_html >$@

# The tests link everything statically, the library's internals included.
$(B)/everything.a: $(CORE) $(API) $(filter-out %/main.o,$(SERVER)) $(GEN) $(HELP)
	@rm -f $@
	$(Q)ar rcs $@ $^
$(PROGRAMS): %: %.o $(B)/everything.a
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(B)/everything.a $(BLAS_LIBS) -lcmocka -lcurl -ljansson \
	    -lmicrohttpd -lz -lpthread -lstdc++ -lm

-include $(patsubst %.o,%.d,$(CORE) $(API) $(SERVER) $(TESTS) $(HELP))

# ---- verbs --------------------------------------------------------------------------------------

## demo: install what is missing, build, evaluate (x + y) * z through the service
demo: deps
	@$(MAKE) all
	@deploy/demo.sh $(B)/gradd

## run: build and run the service on its default address
run: all
	$(B)/gradd

## test: install what is missing, build, and run every test
test: deps
	@$(MAKE) check

# As test, but never touches the machine's packages.
check: $(B)/gradd $(B)/reference $(PROGRAMS)
	@GRADD=$(abspath $(B)/gradd) tests/run.sh $(PROGRAMS)
tests: $(PROGRAMS) $(B)/reference

## reference: write api/docs/operators.md anew from the table of operators
reference: $(B)/reference
	@mkdir -p api/docs
	$(Q)$(B)/reference >$(B)/operators.md && cp $(B)/operators.md api/docs/

## deps: install the Debian packages that building and testing need, if any is missing
deps:
	@deploy/deps.sh build test

## lint: layers, exports, sizes, words, shellcheck, clang-tidy, and a build with clang
lint:
	@deploy/deps.sh build test lint
	@$(MAKE) all
	@tests/lint/all.sh $(B)

## fmt: format the sources with clang-format
fmt:
	clang-format -i $(wildcard core/*.[ch] core/ops/*.[ch] api/*.[ch] api/*.cc api/tools/*.c \
	    server/*.[ch] tests/*.[ch] tests/bench/*.[ch])

## asan: the tests under AddressSanitizer and UndefinedBehaviorSanitizer
asan: deps
	@$(MAKE) check BUILD=$(BUILD)/asan OPT='-O1 -g' \
	    SAN='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'

## tsan: the tests under ThreadSanitizer
tsan: deps
	@$(MAKE) check BUILD=$(BUILD)/tsan OPT='-O1 -g' SAN='-fsanitize=thread'

# Programs that the benchmarks are made of; bare and million know nothing of gradd.
$(B)/bench/%: tests/bench/%.c $(B)/everything.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Icore -Iapi -Itests -o $@ $< $(B)/everything.a $(LDFLAGS) $(BLAS_LIBS) \
	    -lmicrohttpd -ljansson -lcmocka -lstdc++ -lm

## bench-deps: install what the benchmarks are held against (torch, FastAPI, wrk; Debian's)
bench-deps:
	@deploy/deps.sh build test bench

## bench: throughput, a million nodes, a hundred layers, a million points, beside others (see bench-deps)
bench: all $(addprefix $(B)/bench/,bare million program mlp_run batch_run sweeps_run)
	@BUILD=$(B) tests/bench/throughput.sh
	@BUILD=$(B) tests/bench/million.sh
	@$(B)/bench/program
	@BUILD=$(B) tests/bench/mlp.sh
	@BUILD=$(B) tests/bench/batch.sh
	@$(B)/bench/sweeps_run

## image-test: build the container image and try it, without a Docker engine (needs root)
image-test:
	@deploy/deps.sh image
	@deploy/image-test.sh

## install: gradd, libgrad.so, grad.h, grad.pc and gradd.service under DESTDIR and PREFIX
install: all
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin include lib/pkgconfig lib/systemd/system)
	install -m 755 $(B)/gradd $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(B)/libgrad.so.$(ABI) $(DESTDIR)$(LIBDIR)/libgrad.so.$(VERSION)
	ln -sf libgrad.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libgrad.so.$(ABI)
	ln -sf libgrad.so.$(ABI) $(DESTDIR)$(LIBDIR)/libgrad.so
	install -m 644 core/grad.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(B)/grad.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
	sed 's|/usr/local|$(PREFIX)|g' deploy/gradd.service \
	    >$(DESTDIR)$(PREFIX)/lib/systemd/system/gradd.service
	@[ -n "$(DESTDIR)" ] || ldconfig || true

## clean: remove everything that was made
clean:
	rm -rf $(BUILD)

## help: this list
help:
	@sed -n 's/^## \([a-z-]*\): /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

.PHONY: all demo run deps test check tests reference lint fmt asan tsan image-test install clean help FORCE
