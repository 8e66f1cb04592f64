# SPDX-License-Identifier: MIT
"""setup/test: what it runs for which arguments, and when it fails. In a tree of its own, where nothing is built or installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from container_support.files import TREE

STUB = "#!/bin/sh\nexit 0\n"
# After the real common.sh: a "virtual environment" is the Python that runs this test.
NO_VENV = """
choose_python() { echo '%(python)s'; }
prepare_venv() { mkdir -p "$1/bin" && printf '#!/bin/sh\\nexec %(python)s "$@"\\n' >"$1/bin/python" && chmod +x "$1/bin/python"; }
"""
TESTS = {
    "integration": "def test_keep_alive(): pass\ndef test_bodies(): pass\n",
    "compare": "def test_figures(): pass\n",
    "offload": "def test_redis(): pass\ndef test_keys(): pass\n",
    "container": "def test_nginx(): pass\n",
    "kubernetes": "def test_pod(): pass\n",
    "differential": "def test_proxies(): pass\n",
    "soak": "def test_a_while(): pass\n",
    "install": "def test_wheel(): pass\n",
    "docs": "def test_readme(): pass\n",
}


@pytest.fixture
def run(tmp_path):
    """run(*arguments) -> exit status, everything printed."""
    (tmp_path / "setup" / "cmake").mkdir(parents=True)
    shutil.copy(TREE / "setup/test", tmp_path / "setup")
    shutil.copy(TREE / "setup/cmake/describe_python.py", tmp_path / "setup/cmake")
    common = (TREE / "setup/common.sh").read_text(encoding="utf-8") + NO_VENV % {"python": sys.executable}
    (tmp_path / "setup/common.sh").write_text(common, encoding="utf-8")
    for name in ("dependencies", "build", "peers"):
        (tmp_path / "setup" / name).write_text(STUB, encoding="utf-8")
        (tmp_path / "setup" / name).chmod(0o755)
    for folder, text in TESTS.items():
        (tmp_path / "tests" / folder).mkdir(parents=True)
        (tmp_path / "tests" / folder / f"test_{folder}.py").write_text(text, encoding="utf-8")

    def call(*arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(
            [tmp_path / "setup/test", *arguments],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )
        return done.returncode, done.stdout

    return call


def steps(text):
    """The steps of the summary that pytest took part in: name -> (result, passed)."""
    found = {}
    for line in text.partition("every step:")[2].splitlines():
        words = line.split()
        if len(words) > 6 and words[1] in ("integration", "programs"):
            found[f"{words[0]} {words[1]}"] = words[2], int(words[5])
    return found


def test_all_programs(run):
    status, text = run("--only", "programs")
    assert (status, steps(text)) == (0, {"release programs": ("ok", 9)}), text


@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=["", "quiet"])
def test_one_folder(run, quiet):
    status, text = run("tests/offload", *quiet)
    assert (status, steps(text)) == (0, {"release programs": ("ok", 2)}), text
    assert "dev build" not in text, "only what these tests need is built"


def test_paths_in_two_places(run):
    status, text = run("--preset", "release", "tests/docs/", "tests/integration/test_integration.py::test_bodies")
    assert (status, steps(text)) == (0, {"release integration": ("ok", 1), "release programs": ("ok", 1)}), text


def test_a_word_that_only_some_have(run):
    """pytest's status 5, no test, is not a failure of the step that has none."""
    status, text = run("--preset", "release", "-k", "keep_alive")
    assert (status, steps(text)) == (0, {"release integration": ("ok", 1)}), text
    assert "FAILED" not in text


def test_a_word_that_none_has(run):
    status, text = run("--preset", "release", "-k", "misspelt")
    assert status == 1 and "pytest has found no test for: " in text and "-k misspelt" in text


def test_no_test_at_all_is_a_failure_when_nothing_was_chosen(run, tmp_path):
    shutil.rmtree(tmp_path / "tests" / "integration")
    (tmp_path / "tests" / "integration").mkdir()
    status, text = run("--preset", "release", "--only", "integration")
    assert status == 1 and "release integration      FAILED" in text


@pytest.mark.parametrize("arguments", [["--preset", "clang", "--only", "programs"], ["--only", "unit", "tests/offload"]])
def test_nothing_to_run(run, arguments):
    status, text = run(*arguments)
    assert status == 1 and "there are no such tests" in text


def test_programs_with_another_preset(run):
    status, text = run("--preset", "dev", "--only", "programs")
    assert (status, steps(text)) == (0, {"dev programs": ("ok", 9)}), text


def test_a_file_that_is_not_there(run):
    status, text = run("tests/offload/test_none.py")
    assert status == 1 and "'tests/offload/test_none.py': there is no such file" in text
