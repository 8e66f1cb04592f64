# SPDX-License-Identifier: MIT
"""--reload and --reload-file: the server reloads when files change."""

from __future__ import annotations

import itertools
import os
import time

import pytest

from support.kernel import stopped
from support.server import run_clutch
from support.waiting import wait_until

APPLICATION = """
import {imported}
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["{text}".encode()]
"""

# Changes count as one until it has been quiet for so long, or until so long has passed altogether: see watch.c.
QUIET_S, PATIENCE_S = 0.1, 1


class Shop:
    """An application and the server that runs it."""

    def __init__(self, directory, start):
        self.directory = directory
        self.start = start
        self.write("shop.py", APPLICATION.format(imported="os", text="first"))

    def write(self, name: str, text: str) -> None:
        """As careful editors do: the old or the new text, nothing in between."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        other = path.parent / (path.name + ".new")
        other.write_text(text)
        other.rename(path)

    def write_shop(self, text: str, imported: str = "os") -> None:
        self.write("shop.py", APPLICATION.format(imported=imported, text=text))

    def serve(self, *options, **keywords):
        return self.start("shop", "--chdir", self.directory, *options, **{"workers": 2, **keywords})


@pytest.fixture
def shop(tmp_path, start):
    directory = tmp_path / "shop"
    directory.mkdir()
    return Shop(directory, start)


def wait_text(server, text: str) -> None:
    wait_until(lambda: server.request("/").text == text, f"an answer of {text!r}")


@pytest.mark.parametrize("options", [[], ["--preload"]], ids=["lazy", "preload"])
def test_a_changed_module(shop, options):
    server = shop.serve("--reload", *options)
    assert server.log_contains("--reload: Python files in 1 directory are watched")
    shop.write_shop("second")
    server.wait_for_log(r"master: \./shop\.py has changed$")
    wait_text(server, "second")
    (shop.directory / "shop.py").write_text(APPLICATION.format(imported="sys", text="third"))  # in place
    wait_text(server, "third")


def change_many(shop, text: str) -> int:
    """Changes many files; returns as how many changes these may be seen: two, and one more for each pause of this test."""
    moments = []
    for number in range(40):
        shop.write(f"part{number}.py", f"X = {text!r}")
        moments.append(time.monotonic())
    shop.write_shop(text)
    moments.append(time.monotonic())
    pauses = sum(later - earlier > QUIET_S / 2 for earlier, later in zip(moments, moments[1:]))
    return 2 + pauses + int((moments[-1] - moments[0]) / PATIENCE_S)


def test_changes_at_the_same_time_are_one(shop):
    """A checkout changes many files: one reload, after the last."""
    server = shop.serve("--reload")
    for number in itertools.count():
        before = len(server.log.find_all("has changed"))
        most = change_many(shop, f"change {number}")
        wait_text(server, f"change {number}")
        assert len(server.log.find_all("has changed")) - before <= most
        if most < 10:  # else it says little
            return


def test_a_new_package(shop):
    server = shop.serve("--reload")
    shop.write("goods/deep/prices.py", "X = 1")
    server.wait_for_log(r"\./goods.* has changed$")
    server.wait_for_log(r"reload done")
    mark = server.log.mark()
    shop.write("goods/deep/prices.py", "X = 2")
    server.wait_for_log(r"\./goods/deep/prices\.py has changed$", after=mark)
    server.wait_for_log(r"reload done", after=mark)


def test_what_is_not_watched(shop):
    shop.write("venv/pyvenv.cfg", "")
    for name in ("venv/lib/x.py", ".git/x.py", "__pycache__/x.py", "node_modules/x.py", "data.txt"):
        shop.write(name, "")
    server = shop.serve("--reload")
    for name in ("venv/lib/x.py", ".git/x.py", "__pycache__/x.py", "node_modules/x.py", "data.txt", ".hidden.py"):
        shop.write(name, "X = 1")
    shop.write_shop("second")  # what came before would have been told before
    server.wait_for_log(r"\./shop\.py has changed$")
    wait_text(server, "second")
    assert len(server.log.find_all("has changed")) == 1


def test_a_mistake_and_its_repair(shop):
    server = shop.serve("--reload")
    shop.write_shop("broken", imported="nothing_there")
    server.wait_for_log(r"reload failed: .*; generation 1 serves on")
    assert server.request("/").text == "first"
    shop.write_shop("mended")
    wait_text(server, "mended")


@pytest.mark.parametrize("options", [[], ["--preload"]], ids=["lazy", "preload"])
def test_a_mistake_at_the_start(shop, options):
    """The server waits for the next change."""
    shop.write_shop("broken", imported="nothing_there")
    server = shop.serve("--reload", *options, ready=False)
    server.wait_for_log(r"With the next change of a file \(--reload\) it is tried again")
    shop.write_shop("still broken", imported="nothing_there_either")
    server.wait_for_log(r"reload failed: .*; nobody serves until the next one")
    shop.write_shop("mended")
    server.wait_ready()
    wait_text(server, "mended")


def test_directories_of_ones_own(shop, tmp_path):
    (tmp_path / "library").mkdir()
    server = shop.serve("--reload", "--reload-dir", tmp_path / "library")
    shop.write_shop("second")
    with stopped(server.pid):
        (tmp_path / "library" / "tools.py").write_text("")
    server.wait_for_log(r"/library/tools\.py has changed$")
    wait_text(server, "second")
    assert len(server.log.find_all("has changed")) == 1


@pytest.mark.parametrize("option", ["--reload-file", "--touch-reload"])
def test_a_file_that_is_touched(shop, tmp_path, option):
    """It need not be there at the start; created, touched and replaced."""
    flag = tmp_path / "flag"
    server = shop.serve(option, flag)

    def change(how, text: str) -> None:
        mark = server.log.mark()
        shop.write_shop(text)
        with stopped(server.pid):
            how()
        server.wait_for_log(r"flag has changed$", after=mark)
        wait_text(server, text)

    change(flag.touch, "created")
    change(lambda: os.utime(flag), "touched")
    (tmp_path / "other").touch()
    change(lambda: (tmp_path / "other").rename(flag), "replaced")
    assert len(server.log.find_all("has changed")) == 3


def point(link, target: str) -> None:
    """In one step, as tools for deployment do it."""
    other = link.with_name("other")
    other.symlink_to(target)
    other.rename(link)


def wait_reload(server, act) -> None:
    """All that is done is there when the server looks: it may be more than one event."""
    mark = server.log.mark()
    with stopped(server.pid):
        act()
    server.wait_for_log("flag has changed$", after=mark)
    server.wait_for_log("reload done", after=mark)


def test_a_file_behind_a_link_to_a_release(shop, tmp_path):
    """What is touched after a deployment is the file of the new release."""
    for name in ("first", "second"):
        (tmp_path / name / "tmp").mkdir(parents=True)
    (tmp_path / "first" / "tmp" / "flag").touch()
    link = tmp_path / "current"
    point(link, "first")
    flag = link / "tmp" / "flag"
    server = shop.serve("--reload-file", flag)
    wait_reload(server, flag.touch)
    point(link, "second")  # without such a file: nothing happens
    wait_reload(server, flag.touch)
    wait_reload(server, lambda: os.utime(flag))
    wait_reload(server, lambda: point(link, "first"))
    assert len(server.log.find_all("has changed")) == 4


def test_a_file_of_a_kubernetes_volume(shop, tmp_path):
    """It is a link to one in a directory behind a link, and that one is replaced."""
    for name in ("..one", "..two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "flag").write_text(name)
    point(tmp_path / "..data", "..one")
    (tmp_path / "flag").symlink_to("..data/flag")
    server = shop.serve("--reload-file", tmp_path / "flag")
    wait_reload(server, lambda: point(tmp_path / "..data", "..two"))
    wait_reload(server, lambda: (tmp_path / "..two" / "flag").touch())
    assert len(server.log.find_all("has changed")) == 2


def test_a_directory_that_goes_and_comes(shop, tmp_path):
    flag = tmp_path / "there" / "flag"
    flag.parent.mkdir()
    flag.touch()
    server = shop.serve("--reload-file", flag)
    flag.unlink()
    flag.parent.rmdir()
    (tmp_path / "next").mkdir()
    (tmp_path / "next" / "flag").touch()
    wait_reload(server, lambda: (tmp_path / "next").rename(flag.parent))
    wait_reload(server, lambda: os.utime(flag))


def test_a_link_to_itself(shop, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    result = run_clutch("-b", "127.0.0.1:0", "--reload-file", tmp_path / "loop" / "flag", "--chdir", shop.directory, "shop")
    assert result.returncode == 1
    assert "cannot be watched: Too many levels of symbolic links" in result.stderr


@pytest.mark.parametrize(
    "option, value, message",
    [
        ("--reload-file", "/nowhere/flag", "--reload-file '/nowhere/flag': its directory '/nowhere/' cannot be watched"),
        ("--reload-dir", "/nowhere", "--reload-dir '/nowhere' is not a directory"),
    ],
)
def test_what_cannot_be_watched(shop, option, value, message):
    result = run_clutch("-b", "127.0.0.1:0", "--reload", option, value, "--chdir", shop.directory, "shop")
    assert result.returncode == 1
    assert message in result.stderr
