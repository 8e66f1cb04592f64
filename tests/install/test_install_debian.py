# SPDX-License-Identifier: MIT
"""The Debian package: what it holds and needs, and that its program serves."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess

import pytest
from install_support.building import build_directory, files_below, run
from install_support.debian import configured_python, packaging_configuration, why_impossible
from support.server import BEHAVIOUR

EXPECTED = {
    "usr/bin/clutch",
    "usr/share/man/man1/clutch.1.gz",
    "usr/share/bash-completion/completions/clutch",
    "usr/share/zsh/vendor-completions/_clutch",
    "usr/share/fish/vendor_completions.d/clutch.fish",
    "usr/lib/systemd/system/clutch@.service",
    "usr/lib/systemd/system/clutch@.socket",
    "usr/share/clutch/stubs/clutch/__init__.pyi",
    "usr/share/clutch/stubs/clutch/metrics.pyi",
    "usr/share/doc/clutch/copyright",
    "usr/share/doc/clutch/changelog.Debian.gz",
}


@pytest.fixture(scope="module")
def control(package):
    """The fields of the package."""
    text = run("dpkg-deb", "-f", package)
    return dict(re.findall(r"^([\w-]+): (.*)$", text, re.MULTILINE))


@pytest.fixture(scope="module")
def tree(package, tmp_path_factory):
    directory = tmp_path_factory.mktemp("root")
    run("dpkg-deb", "-x", package, directory)
    return directory


def test_files(tree):
    assert files_below(tree) == EXPECTED
    assert (tree / "etc/clutch").is_dir()


def test_everything_is_roots_and_may_be_read(package):
    for line in run("dpkg-deb", "-c", package).splitlines():
        mode, owner = line.split()[:2]
        expected = "drwxr-xr-x" if mode[0] == "d" else "-rwxr-xr-x" if line.endswith("/bin/clutch") else "-rw-r--r--"
        assert (mode, owner) == (expected, "root/root"), line


def test_needs_the_packages_of_its_libraries(control):
    needed = {name.split()[0] for name in control["Depends"].split(",")}
    assert {"libc6", "libinih1", "libncursesw6", "libtinfo6"} <= needed  # the last two: clutch top
    assert any(re.fullmatch(r"libpython3\.\d+(t64)?", name) for name in needed)
    assert any(re.fullmatch(r"libllhttp\d+\.\d+(t64)?", name) for name in needed)
    assert len(needed) == 6


def test_version_and_maintainer(control, package):
    assert package.name == f"clutch_{control['Version']}_{control['Architecture']}.deb"
    assert re.fullmatch(r"[^<]+ <[^@>]+@[^@>]+>", control["Maintainer"])


def test_documents(tree, control):
    changes = gzip.decompress((tree / "usr/share/doc/clutch/changelog.Debian.gz").read_bytes()).decode()
    assert changes.startswith(f"clutch ({control['Version']}) unstable;")
    assert re.search(r"\n -- .* <.*>  \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\n$", changes)
    assert gzip.decompress((tree / "usr/share/man/man1/clutch.1.gz").read_bytes()).startswith(b'.\\" Made by clutch')
    assert "Permission is hereby granted" in (tree / "usr/share/doc/clutch/copyright").read_text(encoding="utf-8")


def test_the_unit_names_the_program(tree):
    unit = (tree / "usr/lib/systemd/system/clutch@.service").read_text(encoding="utf-8")
    assert "\nExecStart=/usr/bin/clutch --config /etc/clutch/%i.ini\n" in unit


def test_serves(tree, serve):
    server = serve(tree / "usr/bin/clutch", "router", "--pythonpath", BEHAVIOUR)
    assert server.request("/blocks/list-of-one").body == b"one"


def test_lintian_finds_no_error(package):
    if not shutil.which("lintian"):
        pytest.skip("lintian is not installed")
    done = subprocess.run(["lintian", "--fail-on=error", package], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("tool", ["file", "dpkg-shlibdeps"])
def test_what_is_missing_is_told(package, tmp_path, tool):
    """Both are absent from a fresh machine, and cpack's own message names no package. Here the tool is hidden below a
    file that is no program."""
    alone = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mount namespace can be made here")
    script = f'mount --bind /dev/null {shutil.which(tool)} && exec cpack -G DEB --config "$0" -B out'
    text = run(*alone, "sh", "-c", script, packaging_configuration(package), cwd=tmp_path, expected=1)
    assert "apt-get install dpkg-dev file" in " ".join(text.split())


def test_a_python_of_no_package_is_refused(tmp_path):
    """Nobody could install the result."""
    reason = why_impossible()
    if reason:
        pytest.skip(reason)
    libpython = configured_python(build_directory())
    owner = subprocess.run(["dpkg-query", "-S", libpython], capture_output=True, check=False)
    if owner.returncode == 0:
        pytest.skip("the Python of the build under test is the system's")
    config = build_directory() / "CPackConfig.cmake"
    text = run("cpack", "-G", "DEB", "--config", config, "-B", tmp_path, cwd=tmp_path, expected=1)
    assert "no Debian package of this system has" in text and "-DPython3_EXECUTABLE=/usr/bin/python3" in text
