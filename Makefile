# The few commands that a newcomer needs; meson and ninja do the work.
#
#   make run     build, and see a node at work (tools/walkthrough.sh)
#   make test    build, and run all tests
#   make bench   build for speed, and measure requests per second
#   make check   whether the sources are formatted, and the lint tests
#   make clean   remove the build folder

BUILD ?= build

.PHONY: run test bench check clean

run: $(BUILD)/build.ninja
	meson configure $(BUILD) -Dworkers=enabled
	meson compile -C $(BUILD)
	BUILD=$(BUILD) tools/walkthrough.sh

test: $(BUILD)/build.ninja
	tools/install-deps.sh
	meson configure $(BUILD) -Dtests=enabled -Dworkers=enabled
	meson compile -C $(BUILD)
	meson test -C $(BUILD) --print-errorlogs

bench: needs
	test -f $(BUILD)-bench/build.ninja || meson setup $(BUILD)-bench --buildtype=release
	meson compile -C $(BUILD)-bench
	meson test -C $(BUILD)-bench --benchmark --verbose

check: $(BUILD)/build.ninja
	git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
	git ls-files '*.sh' | xargs shellcheck
	meson test -C $(BUILD) --suite lint --print-errorlogs

clean:
	rm -rf $(BUILD)

# What a build needs comes before the first setup; it is looked for again by run and test.
$(BUILD)/build.ninja: | needs
	meson setup $(BUILD)

.PHONY: needs
needs:
	tools/install-deps.sh --run-only
