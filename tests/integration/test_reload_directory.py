# SPDX-License-Identifier: MIT
"""A new generation runs in the directory that its name leads to now: releases are often directories behind a link."""

from __future__ import annotations

import pathlib
import signal

import pytest

from support import processes

APPLICATION = """
import os
VERSION = {version!r}
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{{VERSION}} {{os.path.basename(os.readlink('/proc/self/cwd')).split()[0]}}".encode()]
"""

MODES = pytest.mark.parametrize("options", [[], ["--preload"]], ids=["lazy", "preload"])


@pytest.fixture
def releases(tmp_path):
    """Two releases of an application, and a link to the first of them."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "shop.py").write_text(APPLICATION.format(version=name))
    point(tmp_path / "current", "first")
    return tmp_path


def point(link: pathlib.Path, name: str) -> None:
    """In one step, as tools for deployment do it."""
    next_link = link.with_name("next")
    next_link.symlink_to(name)
    next_link.replace(link)


def reload(server, expected: str = "reload done") -> str:
    """Returns the line that says how it went. When it is done, the old workers, which may still accept, are gone."""
    old, mark = server.worker_pids(), server.log.mark()
    server.send_signal(signal.SIGHUP)
    line = server.wait_for_log(expected, after=mark).string
    if expected == "reload done":
        processes.wait_gone(old, "the old workers")
    return line


def served(server) -> str:
    return server.request("/").text


@MODES
@pytest.mark.parametrize("way", ["--chdir", "--chdir, relative", "the start"])
def test_a_link_to_the_next_release_is_followed(start, releases, options, way):
    link = releases / "current"
    if way == "the start":
        server = start("shop", *options, cwd=link, environment={"PWD": str(link)})
    elif way == "--chdir":
        server = start("shop", "--chdir", link, *options)
    else:
        server = start("shop", "--chdir", "current", *options, cwd=releases)
    assert served(server) == "first first"
    point(link, "second")
    reload(server)
    assert served(server) == "second second"


def test_a_worker_that_dies_is_replaced_by_one_of_the_same_release(start, releases):
    server = start("shop", "--chdir", releases / "current")
    point(releases / "current", "second")
    reload(server)
    point(releases / "current", "first")
    server.kill_worker()
    server.wait_for_log("worker 1: application shop ready", count=3)
    assert served(server) == "second second"


def test_a_directory_that_has_gone_ends_the_reload(start, releases):
    server = start("shop", "--chdir", releases / "current")
    (releases / "current").unlink()
    line = reload(server, "reload failed")
    assert f"the directory of --chdir {releases}/current cannot be found: No such file or directory;" in line
    assert line.endswith("generation 1 serves on")
    assert served(server) == "first first"
    point(releases / "current", "second")
    reload(server)
    assert served(server) == "second second"


def test_a_start_in_a_directory_that_has_gone(start, releases):
    """Without --chdir it is none that the application needs to have."""
    (releases / "there").mkdir()
    server = start(releases / "current" / "shop.py", cwd=releases / "there")
    (releases / "there").rmdir()
    point(releases / "current", "second")
    reload(server)
    assert served(server).startswith("second")
