"""The command line from outside: help, completion, settings, errors, exit codes."""
import json
import pathlib
import shutil
import subprocess

import pytest

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"


def test_the_settings_page_is_what_the_program_explains(run):
    assert run("config", "--explain").stdout == (DOCS / "configuration.md").read_text(), \
        "run: build/release/stroma config --explain > docs/configuration.md"


def test_the_command_line_page_is_what_the_program_explains(run):
    assert run("help", "--markdown").stdout == (DOCS / "command-line.md").read_text(), \
        "run: build/release/stroma help --markdown > docs/command-line.md"


def test_the_version_names_the_libraries_and_their_versions(run):
    lines = run("--version").stdout.splitlines()
    assert lines[0].startswith("stroma ")
    named = {line.split()[0]: line.split()[1] for line in lines[1:]}
    for library in ("DuckDB", "SQLite", "HDF5", "OpenSSL", "zstd"):
        assert named[library][0].isdigit(), library
    assert run("version").stdout == run("--version").stdout


@pytest.mark.parametrize("arguments, code, words", [
    ((), 2, "stroma --help"),
    (("imprt",), 2, "did you mean 'import'?"),
    (("sql", "--data", "d"), 2, "stroma sql --help"),
    (("sql", "SELECT 1"), 2, "STROMA_DATA"),
    (("matrix", "--data", "d", "-o", "x.h5ad"), 2, "--filter, --revision and --selection"),
    (("matrix", "--data", "d", "--where", "true", "-o", "x"), 2, "--format"),
    (("config", "--set", "http.adress=1"), 2, "did you mean 'http.address'?"),
    (("config", "--set", "query.time=5 weeks"), 2, "250ms, 30s, 5min"),
    (("config", "--config", "absent.toml"), 3, "absent.toml"),
])
def test_an_error_is_one_sentence_that_says_what_to_do(run, arguments, code, words):
    done = run(*arguments, fails=True, env={"PATH": ""})
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr.startswith("stroma: ") and done.stderr.count("\n") == 1
    assert words in done.stderr


def test_an_error_is_json_when_results_are(run):
    done = run("config", "--set", "nope=1", "--json", fails=True)
    assert json.loads(done.stderr)["error"]["code"] == "invalid_input"


def test_settings_come_from_the_file_then_the_environment_then_the_option(run, tmp_path):
    (tmp_path / "stroma.toml").write_text('[query]\ntime = "10s"\nrows_max = 10\n'
                                          'memory = "2GiB"\n')
    shown = json.loads(run("config", "--json", "--set", "query.time=30s", data=tmp_path,
                           env={"STROMA_QUERY_TIME": "20s", "STROMA_QUERY_ROWS_MAX": "20"}).stdout)
    assert shown["query.time"] == {"value": "30s", "from": "--set"}
    assert shown["query.rows_max"] == {"value": "20", "from": "STROMA_QUERY_ROWS_MAX"}
    assert shown["query.memory"]["from"].endswith("stroma.toml:4")


@pytest.mark.parametrize("words, completed", [
    (["stroma", "im"], ["import"]),
    (["stroma", "dataset", "sh"], ["show"]),
    (["stroma", "matrix", "--format", "h"], ["h5ad"]),
    (["stroma", "token", "revoke", "--js"], ["--json"]),
])
def test_bash_completes_verbs_options_and_choices(run, tmp_path, words, completed):
    script = tmp_path / "completion.sh"
    script.write_text(run("completion", "bash").stdout)
    typed = " ".join(f"'{word}'" for word in words)
    asked = (f"source {script}; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _stroma; "
             'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == completed


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_accept_their_completion(run, tmp_path, shell):
    script = tmp_path / "completion"
    script.write_text(run("completion", shell).stdout)
    assert "import" in script.read_text()
    if shutil.which(shell):
        subprocess.run([shell, "-n", script], check=True)
