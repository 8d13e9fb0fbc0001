"""The packages: they hold what they must, run from a strange place, and are built hardened."""
import pathlib
import re
import shutil
import subprocess

import pytest


@pytest.fixture(scope="module")
def package(stroma_binary, tmp_path_factory):
    """The .deb and the tarball, made from the build folder of the binary under test."""
    folder = tmp_path_factory.mktemp("package")
    for generator in ("DEB", "TGZ"):
        subprocess.run(["cpack", "-G", generator, "-B", str(folder)], cwd=stroma_binary.parent,
                       check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installed(package, tmp_path_factory):
    """The .deb unpacked into a root of its own."""
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["dpkg-deb", "-x", next(package.glob("*.deb")), root], check=True)
    return root


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_installed_program_runs_from_where_it_lies(installed, stroma_binary):
    program = installed / "usr/bin/stroma"
    assert output_of(program, "--version") == output_of(stroma_binary, "--version")


def test_duckdb_is_found_beside_the_program(installed):
    libraries = output_of("ldd", installed / "usr/bin/stroma")
    assert "not found" not in libraries
    found = re.search(r"libduckdb\.so => (\S+)", libraries)
    assert pathlib.Path(found[1]).resolve() == installed / "usr/lib/stroma/libduckdb.so"


def test_the_package_carries_the_licences_of_what_it_ships(installed):
    folder = installed / "usr/share/doc/stroma"
    for name in ("LICENSE", "NOTICE", "LICENSE.duckdb-library", "LICENSE.duckdb-header"):
        assert (folder / name).stat().st_size > 100, name


def test_the_package_depends_on_the_distributions_libraries_only(package):
    depends = output_of("dpkg-deb", "-f", str(next(package.glob("*.deb"))), "Depends")
    for name in ("libc6", "libstdc++6", "libhdf5", "libssl3", "libsqlite3-0"):
        assert name in depends
    assert "duckdb" not in depends and "node" not in depends


def test_the_tarball_runs_as_it_is_unpacked(package, tmp_path):
    shutil.unpack_archive(next(package.glob("*.tar.gz")), tmp_path)
    program = next(tmp_path.rglob("bin/stroma"))
    assert output_of(program, "--version").startswith("stroma ")


def test_the_program_is_hardened(installed):
    program = str(installed / "usr/bin/stroma")
    header, dynamic = output_of("readelf", "-hlW", program), output_of("readelf", "-dW", program)
    assert re.search(r"Type:\s+DYN", header), "position independent"
    assert "GNU_RELRO" in header and "BIND_NOW" in dynamic, "full RELRO"
    assert re.search(r"GNU_STACK.* RW ", header), "no executable stack"
    assert "/../lib/stroma]" in dynamic, "only the private library path"
    symbols = output_of("readelf", "--dyn-syms", "-W", program)
    assert "__stack_chk_fail" in symbols, "stack protector"
    assert re.search(r"__\w+_chk@", symbols), "fortified functions"


def test_the_program_names_no_path_of_the_machine_that_built_it(installed, stroma_binary):
    project = str(stroma_binary.parent.parent.parent).encode()
    assert project not in (installed / "usr/bin/stroma").read_bytes()
