# SPDX-License-Identifier: MIT
"""cmake --install: a program that runs from its prefix, the units for systemd, and the way back."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest
from install_support.building import build_directory, files_below, run
from support.server import BEHAVIOUR, TREE

EXPECTED = {
    "bin/clutch",
    "share/man/man1/clutch.1",
    "share/bash-completion/completions/clutch",
    "share/zsh/site-functions/_clutch",
    "share/fish/vendor_completions.d/clutch.fish",
    "lib/systemd/system/clutch@.service",
    "lib/systemd/system/clutch@.socket",
    "share/clutch/stubs/clutch/__init__.pyi",
    "share/clutch/stubs/clutch/metrics.pyi",
}
UNITS = "lib/systemd/system"


def test_files(prefix):
    assert files_below(prefix) == EXPECTED


def test_serves_from_the_prefix(prefix, serve):
    server = serve(prefix / "bin" / "clutch", "router", "--pythonpath", BEHAVIOUR)
    assert server.request("/blocks/list-of-one").body == b"one"


def test_the_program_alone(tmp_path):
    """What the image takes."""
    run("cmake", "--install", build_directory(), "--prefix", "/usr", "--component", "program", DESTDIR=str(tmp_path))
    assert files_below(tmp_path) == {"usr/bin/clutch"}


def test_a_staged_installation_and_the_way_back(tmp_path):
    """The unit has the path that counts when the files are in their place, not that of the stage."""
    run("cmake", "--install", build_directory(), "--prefix", "/opt/clutch", DESTDIR=str(tmp_path))
    assert files_below(tmp_path) == {f"opt/clutch/{name}" for name in EXPECTED}
    unit = (tmp_path / "opt/clutch" / UNITS / "clutch@.service").read_text(encoding="utf-8")
    assert "\nExecStart=/opt/clutch/bin/clutch --config /etc/clutch/%i.ini\n" in unit
    (tmp_path / "opt/clutch/bin/clutch").unlink()
    (tmp_path / "opt/clutch/bin/other").touch()
    text = run("cmake", "--build", build_directory(), "--target", "uninstall", DESTDIR=str(tmp_path))
    assert "Removing" in text and "Not there:" in text
    assert files_below(tmp_path) == {"opt/clutch/bin/other"}


def test_nothing_to_uninstall(tmp_path):
    script = TREE / "setup/cmake/Uninstall.cmake"
    text = run("cmake", f"-DMANIFEST={tmp_path}/install_manifest.txt", "-P", script, expected=1)
    assert "nothing was installed from this build" in text


def test_nothing_is_made_where_git_looks(prefix, wheel):
    if not shutil.which("git") or not (TREE / ".git").exists():
        pytest.skip("no git, or not its working tree")
    listed = run("git", "status", "--porcelain", "--untracked-files=all").splitlines()
    names = {pathlib.PurePath(line[3:]).name for line in listed if line.startswith("??")}
    assert not names & {"clutch", "clutch.1", "_clutch", "clutch.fish", "install_manifest.txt", "PKG-INFO"}


@pytest.mark.parametrize("kind", ["service", "socket"])
def test_systemd_takes_the_units(prefix, kind):
    """Each with the other beside it; what it says of the machine's own units does not matter."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    command = ["systemd-analyze", "verify", "--man=no", prefix / UNITS / f"clutch@.{kind}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "clutch" not in done.stdout + done.stderr


def test_systemd_finds_the_service_well_confined(prefix):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    help_text = subprocess.run(["systemd-analyze", "--help"], capture_output=True, text=True, check=False).stdout
    if "--offline" not in help_text:
        pytest.skip("this systemd-analyze cannot judge a unit that is not loaded")
    run("systemd-analyze", "security", "--offline=yes", "--threshold=30", prefix / UNITS / "clutch@.service")
