# sockconform. `make run` judges this machine; `make test` tests the project; `make help` lists the rest.
CC      ?= cc
CFLAGS  ?= -O2 -g
BUILD   ?= build
PYTHON  := /usr/bin/python3

WARNINGS := -Wall -Wextra -Wpedantic -Werror
ALL_CFLAGS := -std=c11 -pthread $(WARNINGS) -D_GNU_SOURCE -Iharness -Ifixtures $(CFLAGS)
LIBS     := -lcheck_pic -lsubunit -lrt -lm -ldl

CASES    := $(wildcard cases/*.c)
HARNESS  := $(wildcard harness/*.c) $(wildcard fixtures/*.c)
TABLES   := cases/claims.tsv $(sort $(wildcard cases/requirements/*.tsv))
COMMON   := $(HARNESS:%.c=$(BUILD)/%.o) $(BUILD)/catalogue_tables.o

all: $(BUILD)/conformance

$(BUILD)/conformance: $(CASES:%.c=$(BUILD)/%.o) $(COMMON)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Every case file is also a program of its own: make build/cases/bind
$(CASES:%.c=$(BUILD)/%): %: %.o $(COMMON)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Cases that must fail: the tests' material.
$(BUILD)/selftest: $(BUILD)/harness/tests/selftest.o $(COMMON)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/catalogue_tables.c: $(TABLES) harness/catalogue.awk
	@mkdir -p $(@D)
	LC_ALL=C awk -f harness/catalogue.awk $(TABLES) >$@.new && mv $@.new $@
$(BUILD)/catalogue_tables.o: $(BUILD)/catalogue_tables.c
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# One file that runs where nothing is installed.
static:
	$(MAKE) BUILD=$(BUILD)/static CFLAGS='$(CFLAGS) -DSTATIC_PROGRAM' LDFLAGS='-static' $(BUILD)/static/conformance

clean:
	$(RM) -r $(BUILD)

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d)
.PHONY: all static clean
