"""The house check itself: each rule finds its violation in a small tree; a good one has none."""
import pathlib
import subprocess

import pytest

PROJECT = pathlib.Path(__file__).resolve().parent.parent

GOOD = {
    "LAYERS": "base:\ncatalog: base\napp: *\n",
    "README.md": "# House\n<!-- folder map: tools/check_house --write-map -->\n"
                 "| folder | what it is for |\n|---|---|\n"
                 "| [`src/base`](src/base/README.md) | All speak it |\n"
                 "| [`src/catalog`](src/catalog/README.md) | What exists |\n<!-- end -->\n",
    "src/base/README.md": "# base\n\nAll speak it. Read on.\n",
    "src/base/CMakeLists.txt": "stroma_library(base SOURCES bytes.cpp)\n",
    "src/base/bytes.h": "#pragma once\nint bytes();\n",
    "src/base/bytes.cpp": '#include "base/bytes.h"\n#include <vector>\nint bytes() { return 1; }\n',
    "src/catalog/README.md": "# catalog\n\nWhat exists. Read on.\n",
    "src/catalog/CMakeLists.txt": "stroma_library(catalog SOURCES catalog.cpp)\n",
    "src/catalog/catalog.cpp": '#include "base/bytes.h"\nint catalog() { return bytes(); }\n',
}


def check(root, changes):
    for name, text in {**GOOD, **changes}.items():
        if text is None:
            continue
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return subprocess.run([PROJECT / "tools/check_house", "--root", root], capture_output=True,
                          text=True, check=False)


def test_a_good_tree_has_no_findings(tmp_path):
    done = check(tmp_path, {})
    assert done.returncode == 0, done.stdout


CATALOG = "src/catalog/catalog.cpp"


@pytest.mark.parametrize("changes, found", [
    ({"src/base/bytes.cpp": '#include "catalog/x.h"\n', "src/catalog/x.h": "#pragma once\n"},
     "'base' may not include 'catalog'"),
    ({CATALOG: "int catalog() { return 1; }\n"}, "nothing in 'catalog' includes 'base'"),
    ({"LAYERS": "base: catalog\ncatalog: base\napp: *\n"}, "doesn't stand above"),
    ({CATALOG: '#include "base/bytes.h"\n#include <duckdb.h>\n'}, "<duckdb.h> belongs in"),
    ({CATALOG: '#include "base/bytes.h"\n#include <surprise/x.hpp>\n'}, "no library that"),
    ({CATALOG: '#include "base/disk/d.h"\n', "src/base/disk/d.h": "#pragma once\n",
      "src/base/disk/README.md": "# disk\n"}, "only app and tests include the driver"),
    ({CATALOG: '#include "base/bytes.h"\n' + "\n" * 701}, "700 is the most"),
    ({CATALOG: '#include "base/bytes.h"\nint f() {\n' + "\n" * 70 + "}\n"}, "70 is the most"),
    ({CATALOG: '#include "base/bytes.h"\n//' + "x" * 100 + "\n"}, "100 is the most"),
    ({CATALOG: '#include "base/bytes.h"\nclass FileManager {};\n'}, "says nothing"),
    ({"src/catalog/utils.h": "#pragma once\n"}, "says nothing"),
    ({"src/catalog/CamelCase.h": "#pragma once\n"}, "isn't snake_case"),
    ({"src/catalog/x.h": "int x;\n"}, "lacks #pragma once"),
    ({CATALOG: '#include "base/bytes.h"\nvoid f() { usl' 'eep(3); }\n'}, "sleeps"),
    ({CATALOG: '#include "base/bytes.h"\n// TO' 'DO later\n'}, "a doubt"),
    ({"docs/x.md": "See `src/base/gone.h`.\n"}, "names 'src/base/gone.h'"),
    ({"docs/x.md": "See [that](gone.md).\n"}, "names 'docs/gone.md'"),
    ({"docs/x.md": "/ho" "me/someone/file\n"}, "names a path of one machine"),
    ({"src/base/forgotten_test.cpp": "\n"}, "no CMakeLists.txt lists it"),
    ({"src/catalog/CMakeLists.txt": "x(catalog.cpp gone.cpp)\n"}, "which isn't there"),
    ({"src/base/README.md": "# base\n\nSomething else. Read on.\n"}, "the folder map is old"),
    ({"src/base/README.md": None}, "has no README.md"),
])
def test_each_rule_finds_its_violation(tmp_path, changes, found):
    done = check(tmp_path, changes)
    assert done.returncode == 1
    assert found in done.stdout, done.stdout
