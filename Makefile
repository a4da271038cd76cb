# The few commands that a newcomer needs; meson and ninja do the work.
#
#   make run     build, and see a node at work (tools/walkthrough.sh)
#   make test    build, and run all tests
#   make check   whether the sources are formatted, and the lint tests
#   make docs    the reference of the public headers, in $(BUILD)/docs/api (needs doxygen)
#   make clean   remove the build folder

BUILD ?= build

.PHONY: run test check docs clean

run: $(BUILD)/build.ninja
	meson configure $(BUILD) -Dworkers=enabled
	meson compile -C $(BUILD)
	BUILD=$(BUILD) tools/walkthrough.sh

test: $(BUILD)/build.ninja
	tools/install-deps.sh
	meson configure $(BUILD) -Dtests=enabled -Dworkers=enabled
	meson compile -C $(BUILD)
	meson test -C $(BUILD) --print-errorlogs

check: $(BUILD)/build.ninja
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

# What a build needs comes before the first setup; it is looked for again by run and test.
$(BUILD)/build.ninja: | needs
	meson setup $(BUILD)

.PHONY: needs
needs:
	tools/install-deps.sh --run-only
