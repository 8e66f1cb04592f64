# SPDX-License-Identifier: MIT
"""--uwsgi-module: `import uwsgi` for applications that come from uWSGI, and for no other."""

from __future__ import annotations

import shutil

import pytest

from support import processes
from support.kernel import stopped
from support.server import BEHAVIOUR
from support.users import copy_library, only_root, public_folder

NOT_HERE = "RuntimeError: uwsgi.reload() works in a worker that serves, and only there"


@pytest.fixture(params=[(), ("--preload",)], ids=["in workers", "preloaded"])
def server(start, request):
    server = start("from_uwsgi", "--pythonpath", BEHAVIOUR, "--uwsgi-module", "--threads", "2", *request.param)
    server.is_preloaded = bool(request.param)
    return server


def test_what_there_is(server):
    said = server.request("/").json()
    assert (said["worker"], said["numproc"], said["cores"], said["is_a_reload"]) == (1, 1, 2, False)
    assert said["version"].startswith("clutch/")
    assert said["masterpid"] == server.pid
    assert (said["opt"]["master"], said["opt"]["processes"], said["opt"]["threads"]) == ("True", "b'1'", "b'2'")
    assert ("lazy-apps" in said["opt"]) != server.is_preloaded
    assert sorted(said["calls"]) == [["connect", 1], ["hook", 1]]


def test_what_there_is_not(server):
    said = server.request("/").json()
    assert said["cache"].startswith("AttributeError: clutch has no uwsgi.cache_get; its uwsgi module (--uwsgi-module)")
    assert said["timer"].startswith("AttributeError: clutch has no uwsgidecorators.timer; of uWSGI's decorators")
    assert said["import"].startswith("ImportError: cannot import name 'timer' from 'uwsgidecorators'")
    assert not said["has_cache"]


def test_reload_is_the_workers_to_ask_for(server):
    said = server.request("/").json()
    assert said["at_import"] == said["in_child"] == NOT_HERE
    assert server.request("/reload").text == "True"
    server.wait_for_log("generation 2 serves with 1 worker")


@only_root
@pytest.mark.parametrize("mode", [(), ("--preload",)], ids=["in workers", "preloaded"])
def test_reload_from_a_worker_of_another_user(start, mode):
    """Which may send no signal to the master."""
    with public_folder() as folder:
        app, home = shutil.copy(BEHAVIOUR / "from_uwsgi.py", folder), copy_library(folder)
        environment = {"PYTHONHOME": str(home)}
        server = start(app, "--uwsgi-module", "--user", "nobody", *mode, environment=environment)
        asks = r"master: worker 1 \(pid: \d+\): the application asks for a reload"
        assert server.request("/reload").text == "True"
        server.wait_for_log(asks + "$")
        server.wait_for_log("reload: starting generation 2")
        assert server.request("/reload").text == "True"
        server.wait_for_log(asks + ": within 5 s of the last one that it asked for, so it waits$")
        old = server.worker_pids()
        server.wait_for_log("generation 2 serves with 1 worker")
        server.wait_for_log("generation 3 serves with 1 worker")
        processes.wait_gone(old, "the first worker")
        assert server.request("/").json()["is_a_reload"]
        assert server.request("/reload").text == "True"
        server.log.wait_for(asks, count=3)
        assert server.stop() == 0


def calls_of_sibling(server, pid: int):
    """Asks the other one of two workers: this one is stopped meanwhile."""
    with stopped(pid):
        said = server.request("/").json()
        return said["worker"], sorted(name for name, _ in said["calls"])


def test_one_worker_alone(start):
    server = start("from_uwsgi", "--pythonpath", BEHAVIOUR, "--uwsgi-module", workers=2)
    first, second = server.worker_pids()
    assert calls_of_sibling(server, second) == (1, ["connect", "hook"])
    assert calls_of_sibling(server, first) == (2, ["connect", "hook", "second"])


def test_not_without_the_option(start):
    server = start("from_uwsgi", "--pythonpath", BEHAVIOUR, ready=False)
    assert server.wait_exit() == 3
    assert server.log_contains("ModuleNotFoundError: No module named 'uwsgi'")
