# Two commands: `make demo` shows what Stroma does, `make test` proves it. Both install what they
# need on a fresh Debian 12. CMake does the building; this file only names what people type.
.PHONY: demo test build check bench deb format setup help
.DEFAULT_GOAL := help

help:
	@echo "make demo [DATA=file.h5ad]  build, import, ask, write every format, leave a server running"
	@echo "make test    install, build and run everything (what .ci/run runs)"
	@echo "make build   the release binary, at build/release/stroma"
	@echo "make check   the quick part of make test: house rules, format, unit tests"
	@echo "make bench   the benchmarks, beside their peers"
	@echo "make deb     a Debian package and a tarball, in build/release/"
	@echo "make format  clang-format over our sources"

setup:
	@tools/setup

build:
	@tools/setup build
	@tools/build release stroma

demo:
	@tools/demo $(if $(DATA),"$(DATA)")

test:
	@tools/check_all

check:
	@tools/check_all quick

bench:
	@tools/setup build bench
	@bench/run
	@tools/build release stroma port_bench put_records_bench
	@bench/port.py --write

deb:
	@tools/setup build
	@tools/build release stroma
	@cd build/release && cpack -G DEB && cpack -G TGZ

format:
	@tools/check_format --write
