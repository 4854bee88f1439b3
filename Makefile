# Names for commands; what they do stands in tools/. `make demo` and `make test` are all a fresh machine needs.
SHELL = /bin/bash
.DEFAULT_GOAL = all
.PHONY: all deps test unit flow tidy fmt asan tsan clang fuzz bench demo docs clean

all:              ; @tools/build.sh plain
deps:             ; @tools/deps.sh build
test:             ; @tools/test.sh
unit: all         ; @tools/unit.sh plain
flow: all         ; @tools/flow.sh plain
tidy:             ; @/usr/bin/python3 tools/tidy.py
fmt:              ; @tools/fmt.sh
asan:             ; @tools/build.sh asan && tools/unit.sh asan && tools/flow.sh asan
tsan:             ; @tools/build.sh tsan && tools/unit.sh tsan && tools/flow.sh tsan
clang:            ; @tools/build.sh clang && tools/unit.sh clang
fuzz:             ; @tools/build.sh fuzz && tools/fuzz.sh
bench:            ; @tools/bench.sh $(BENCH)
demo:             ; @tools/demo.sh
docs: all         ; @tools/docs.sh
clean:            ; @rm -rf build build-*
