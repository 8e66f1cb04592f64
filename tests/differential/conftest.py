# SPDX-License-Identifier: MIT
"""Fixtures of the differential tests: a clutch ($CLUTCH_BINARY), the peers that setup/peers has installed, and nginx."""

from __future__ import annotations

import pathlib
import shutil
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from differential_support import servers  # noqa: E402


@pytest.fixture(scope="module")
def started():
    """A list of what is to be ended after the module."""
    subjects = []
    yield subjects
    for subject in reversed(subjects):
        subject.finish()


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("differential")


@pytest.fixture(scope="module")
def clutch(started, directory):
    started.append(servers.start_clutch(directory))
    return started[-1]


@pytest.fixture(scope="module")
def peers(started, directory):
    """Those of the peers that are installed, by name."""
    found = {}
    for name in servers.PEER_COMMANDS:
        if servers.peer_version(name):
            found[name] = servers.start_peer(name, directory)
            started.append(found[name])
    return found


@pytest.fixture(scope="module", params=["nginx-buffered", "nginx-unbuffered", "haproxy"])
def proxy(request, started, clutch, directory):
    """A proxy in front of clutch: nginx, which sends a body on when it has all of it, or as it comes; and HAProxy where it
    is installed."""
    name, _, buffering = request.param.partition("-")
    program = shutil.which(name, path=servers.PROGRAM_PATH)
    if program is None and name == "nginx":
        pytest.fail("nginx is not installed: run `setup/dependencies test`")
    if program is None:
        pytest.skip(f"{name} is not installed (Debian's package {name})")
    folder = directory / request.param
    if name == "nginx":
        started.append(servers.start_nginx(program, clutch, folder, is_buffered=buffering == "buffered"))
    else:
        started.append(servers.start_haproxy(program, clutch, folder))
    return started[-1]
