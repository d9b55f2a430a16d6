# sockconform. `make run` judges this machine, `make test` tests the project itself; `make help` lists the rest.
CC      = cc
CFLAGS  ?= -O2 -g
BUILD   ?= build
PREFIX  ?= /usr/local
PYTHON  := /usr/bin/python3

WARNINGS   := -Wall -Wextra -Wpedantic -Werror
ALL_CFLAGS := -std=c11 -pthread $(WARNINGS) -D_GNU_SOURCE -Iharness -Ifixtures $(CFLAGS)
LIBS       := -lcheck_pic -lsubunit -lrt -lm -ldl

CASES   := $(sort $(wildcard cases/*.c))
HARNESS := $(sort $(wildcard harness/*.c) $(wildcard fixtures/*.c))
TABLES  := cases/claims.tsv $(sort $(wildcard cases/requirements/*.tsv))
SOURCES := $(CASES) $(wildcard harness/*.[ch] fixtures/*.[ch] harness/tests/*.c harness/tests/libraries/*.c)
COMMON  := $(HARNESS:%.c=$(BUILD)/%.o) $(BUILD)/catalogue_tables.o

all: $(BUILD)/conformance

help:
	@echo 'make run        install what is missing, build, judge this machine, write reports/out/latest'
	@echo 'make test       the tests of the project itself, set-up included'
	@echo 'make all        build/conformance;  make static: one file that runs where nothing is installed'
	@echo 'make build/cases/bind   one area as a program of its own'
	@echo 'make bench      what a run costs beside the bare forks;  make format: the layout of the C code'
	@echo 'make install    the command sockconform, under PREFIX=$(PREFIX)'

# --- the program ------------------------------------------------------------------------------------

$(BUILD)/conformance: $(CASES:%.c=$(BUILD)/%.o) $(COMMON)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Every case file is a program of its own, too: make build/cases/bind
$(CASES:%.c=$(BUILD)/%): %: %.o $(COMMON)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Cases that must fail: the tests' material.
$(BUILD)/selftest: $(BUILD)/harness/tests/selftest.o $(COMMON)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/forks: $(BUILD)/harness/tests/forks.o
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/catalogue_tables.c: $(TABLES) harness/catalogue.awk
	@mkdir -p $(@D)
	LC_ALL=C awk -f harness/catalogue.awk $(TABLES) >$@.new && mv $@.new $@
$(BUILD)/catalogue_tables.o: $(BUILD)/catalogue_tables.c harness/catalogue.h
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

static:
	$(MAKE) BUILD=$(BUILD)/static CFLAGS='$(CFLAGS) -DSTATIC_PROGRAM' LDFLAGS=-static $(BUILD)/static/conformance

# --- what people do with it -------------------------------------------------------------------------

run:
	ci/install run
	$(MAKE) all
	harness/sockconform run

test:
	ci/install test
	$(MAKE) check-format
	$(MAKE) all $(BUILD)/selftest $(BUILD)/forks
	$(MAKE) static
	$(MAKE) CC=clang BUILD=$(BUILD)/clang $(BUILD)/clang/conformance
	$(PYTHON) -m pytest -q

bench: $(BUILD)/conformance $(BUILD)/selftest $(BUILD)/forks
	$(PYTHON) harness/tests/bench.py $(BUILD)

format:
	clang-format -i $(SOURCES)
check-format:
	clang-format --dry-run --Werror $(SOURCES)

# The tree as it is used, and a link to the command.
install: all
	install -d $(DESTDIR)$(PREFIX)/lib/sockconform $(DESTDIR)$(PREFIX)/bin
	tar -cf - --exclude=__pycache__ --exclude=reports/out $(BUILD)/conformance cases fixtures harness/sockconform \
	    harness/python reports | tar -xf - -C $(DESTDIR)$(PREFIX)/lib/sockconform
	ln -sf ../lib/sockconform/harness/sockconform $(DESTDIR)$(PREFIX)/bin/sockconform

clean:
	$(RM) -r $(BUILD)

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d)
.PHONY: all help static run test bench format check-format install clean
