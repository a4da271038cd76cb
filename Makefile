# The few commands that a newcomer needs; meson and ninja do the work.
#
#   make run     build, and see a node at work (tools/walkthrough.sh)
#   make test    build, and run all tests
#   make bench   build for speed, and measure: Troupe beside other systems, which it installs
#                where it can, then balance, batches, streams; bench/README.md says more
#                  BENCH_QUICK=1        only the comparison, in less than ten minutes
#                  BENCH_JSON=FILE      a row for each case
#                  BENCH_REPORT=FOLDER  tables and plots
#   make check   whether the sources are formatted, and the lint tests
#   make docs    the reference of the public headers, in $(BUILD)/docs/api (needs doxygen)
#   make clean   remove the build folder
#
# Options that are set already cost nothing; a new one makes meson look for libraries again,
# as it must when they were installed since.

BUILD ?= build
setup = test -f $(BUILD)/build.ninja || meson setup $(BUILD)

# Looks for libraries each time: what is missing today may be installed tomorrow.
bench_setup = meson setup $$(test ! -f $(BUILD)-bench/build.ninja || echo --reconfigure) \
	$(BUILD)-bench --buildtype=release -Db_lto=true -Dtests=disabled -Dworkers=disabled
quick := $(filter-out 0,$(BENCH_QUICK))
compare = bench/compare.py --build $(BUILD)-bench $(if $(quick),--quick) \
	$(if $(BENCH_JSON),--json '$(BENCH_JSON)') $(if $(BENCH_REPORT),--report '$(BENCH_REPORT)')

.PHONY: run test bench check docs clean

run:
	tools/install-deps.sh --run-only
	$(setup)
	meson configure $(BUILD) -Dworkers=enabled
	meson compile -C $(BUILD)
	BUILD=$(BUILD) tools/walkthrough.sh

test:
	tools/install-deps.sh
	$(setup)
	meson configure $(BUILD) -Dtests=enabled -Dworkers=enabled
	meson compile -C $(BUILD)
	meson test -C $(BUILD) --print-errorlogs

bench:
	tools/install-deps.sh --run-only
	tools/install-deps.sh --bench || echo 'Troupe is compared with what is there.'
	$(bench_setup)
	meson compile -C $(BUILD)-bench peers
	$(compare)
ifeq ($(quick),)
	meson compile -C $(BUILD)-bench
	meson test -C $(BUILD)-bench --benchmark --verbose
endif

check:
	$(setup)
	git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
	git ls-files '*.sh' | xargs shellcheck
	meson test -C $(BUILD) --suite lint --print-errorlogs

# Whatever is public and undocumented is an error.
docs:
	mkdir -p $(BUILD)/docs
	{ cat docs/Doxyfile; echo 'OUTPUT_DIRECTORY = $(BUILD)/docs'; } | doxygen -
	@echo 'see $(BUILD)/docs/api/index.html'

clean:
	rm -rf $(BUILD)
