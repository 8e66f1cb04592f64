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


@pytest.fixture(scope="module", params=["buffered", "unbuffered"])
def nginx(request, started, clutch, directory):
    """nginx in front of clutch: it sends the body on when it has all of it, or as it comes."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.fail("nginx is not installed: run `setup/dependencies test`")
    is_buffered = request.param == "buffered"
    started.append(servers.start_nginx(program, clutch, directory / request.param, is_buffered=is_buffered))
    return started[-1]
