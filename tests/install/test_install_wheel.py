# SPDX-License-Identifier: MIT
"""pip: the wheel, and the clutch of an environment, which serves that environment's packages."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import venv as stdlib_venv
import zipfile

from install_support.building import make_wheel, pip, run
from support.server import TREE, make_environment

SHARED = {
    "share/man/man1/clutch.1",
    "share/bash-completion/completions/clutch",
    "share/zsh/site-functions/_clutch",
    "share/fish/vendor_completions.d/clutch.fish",
}


def version_of_project() -> str:
    return re.search(r"project\(clutch VERSION (\S+)", (TREE / "CMakeLists.txt").read_text(encoding="utf-8"))[1]


def test_the_source_archive_has_what_a_build_needs_and_no_more(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"CMakeLists.txt", "pyproject.toml", "LICENSE", "csrc/main.c", "setup/cmake/EmbedCPython.cmake"} <= names
    assert not {name.split("/")[0] for name in names} & {"build", "tests", "pyapps", ".git", ".ci"}


def test_contents_of_the_wheel(wheel):
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    assert re.fullmatch(rf"clutch-{version_of_project()}-{tag}-{tag}-linux_\w+\.whl", wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    data = {name.partition(".data/")[2] for name in names}
    assert {"scripts/clutch"} | {f"data/{name}" for name in SHARED} <= data
    assert {"clutch-stubs/__init__.pyi", "clutch-stubs/metrics.pyi"} <= set(names)
    assert not any("systemd" in name for name in data)


def test_serves_the_packages_of_its_environment(venv, serve):
    """Not activated, from another directory."""
    answer = serve(venv / "bin" / "clutch", "shop", cwd="/").request("/").text.split("\n", 3)
    assert answer == ["the shop", str(venv), sys.base_prefix, sys.version]


def test_isolated_with_a_link_to_the_program(venv, serve, tmp_path):
    """As pipx does it: a link in a directory of PATH."""
    (tmp_path / "clutch").symlink_to(venv / "bin" / "clutch")
    assert serve(tmp_path / "clutch", "shop", "--preload").request("/").text.startswith(f"the shop\n{venv}\n")


def test_another_environment_wins_when_it_is_named(venv, serve, tmp_path):
    """An isolated clutch for the applications of other environments."""
    other = tmp_path / "other"
    stdlib_venv.create(other, with_pip=False, symlinks=True)
    (packages,) = other.glob("lib/python3.*/site-packages")
    (packages / "shop.py").write_text(
        "import sys\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [sys.prefix.encode()]\n"
    )
    for options, environment in ((["--venv", other], {}), ([], {"VIRTUAL_ENV": str(other)})):
        assert serve(venv / "bin" / "clutch", "shop", *options, environment=environment).request("/").text == str(other)


def test_embeds_the_interpreter_of_the_environment(venv):
    done = subprocess.run(
        [venv / "bin" / "clutch", "--version"], env=make_environment(), capture_output=True, text=True, check=True
    )
    assert f"clutch {version_of_project()} (CPython {sys.version.split()[0]}," in done.stdout


def test_files_in_the_environment_go_with_pip_uninstall(wheel, tmp_path):
    directory = tmp_path / "venv"
    stdlib_venv.create(directory, with_pip=False, symlinks=True)
    python = directory / "bin" / "python"
    before = {path for path in directory.rglob("*") if not path.is_dir()}
    pip("--python", python, "install", "--no-index", "--no-deps", wheel)
    assert (directory / "bin" / "clutch").is_file()
    assert SHARED <= {str(path.relative_to(directory)) for path in directory.rglob("*")}
    pip("--python", python, "uninstall", "--yes", "clutch")
    assert {path for path in directory.rglob("*") if not path.is_dir()} == before


def test_a_missing_library_is_named(tmp_path):
    text = make_wheel(TREE, tmp_path, expected=1, CMAKE_DISABLE_FIND_PACKAGE_llhttp="ON")
    assert re.search(r"llhttp, the HTTP parser, was not found\.\s+Install libllhttp-dev", text)


def test_another_missing_library_is_named(tmp_path):
    """What pip would show, asked of CMake itself."""
    text = run("cmake", "-S", TREE, "-B", tmp_path, "-G", "Ninja", "-DCLUTCH_INIH_LIBRARY=", expected=1)
    assert re.search(r"inih, the ini parser, was not found\.\s+Install libinih-dev", text)
