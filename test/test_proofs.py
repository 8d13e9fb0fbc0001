"""What docs name as proof is there: files, tests in them, and GoogleTests."""
import pathlib
import re

import pytest

PROJECT = pathlib.Path(__file__).resolve().parent.parent
PAGES = ["docs/bad-inputs.md", "docs/explorer-rules.md", "docs/seed-defects.md", "docs/status.md"]
NAMED = re.compile(r"`(test/[\w./*-]+\.(?:py|tsv))`(?: \((`\w+`(?:, `\w+`)*)\))?")
GOOGLE_TEST = re.compile(r"`([A-Z]\w+\.[A-Z]\w{15,})`")


@pytest.mark.parametrize("page", PAGES)
def test_every_proof_is_there(page):
    text = (PROJECT / page).read_text(encoding="utf-8")
    absent = []
    for path, tests in NAMED.findall(text):
        files = list(PROJECT.glob(path))
        if not files:
            absent.append(path)
        content = "".join(file.read_text(encoding="utf-8") for file in files)
        absent += [f"{path}: {test}" for test in re.findall(r"`(\w+)`", tests or "")
                   if test not in content]
    sources = "".join(file.read_text(encoding="utf-8")
                      for file in (PROJECT / "src").rglob("*_test.cpp"))
    absent += [name for name in GOOGLE_TEST.findall(text)
               if not re.search(rf"\({name.replace('.', r', *')}\)", sources)]
    assert not absent


def test_each_rule_and_defect_of_the_explorer_has_a_test():
    text = (PROJECT / "docs/explorer-rules.md").read_text(encoding="utf-8")
    rules, defects = text.split("## Seventeen defects")
    for part, count in ((rules, 12), (defects, 17)):
        rows = re.findall(r"^\| (\d+) \| .* \| ([^|]*) \|$", part, re.MULTILINE)
        assert [int(number) for number, _ in rows] == list(range(1, count + 1))
        assert all(NAMED.search(proof) or GOOGLE_TEST.search(proof) for _, proof in rows)


def test_each_of_the_thirteen_defects_of_the_seed_has_a_test():
    text = (PROJECT / "docs/seed-defects.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| A(\d+) \| .* \| ([^|]*) \|$", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 14))
    assert all(NAMED.search(proof) for _, proof in rows)


def test_each_of_the_twenty_one_defects_of_the_loader_has_a_test():
    text = (PROJECT / "docs/seed-defects.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| B(\d+) \| .* \| ([^|]*) \|$", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 22))
    assert all(NAMED.search(proof) or GOOGLE_TEST.search(proof) for _, proof in rows)


def test_each_of_the_sixty_inputs_has_a_test_or_waits_for_an_issue():
    text = (PROJECT / "docs/bad-inputs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", text.split("## Limits")[0], re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 61))
    for number, row in rows:
        assert ("waits for" in row and "issue" in row) != ("`" in row.rsplit("|", 1)[1]), number
