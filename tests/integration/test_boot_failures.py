# SPDX-License-Identifier: MIT
"""Applications that cannot be loaded: the whole traceback in the log, another attempt, and exit status 3 when nobody
serves."""

from __future__ import annotations

import os
import re
import signal
import time
import zipfile

import pytest

from support.server import BAD, BEHAVIOUR
from support.waiting import wait_until


def start_and_fail(start, app, *options, **keywords):
    server = start(app, *options, ready=False, **keywords)
    assert server.wait_exit() == 3
    return server


@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["in workers", "preloaded"])
class TestReasons:
    def test_import_raises(self, start, preload):
        server = start_and_fail(start, BAD / "raises_on_import.py", *preload)
        text = server.log.text
        assert "Traceback (most recent call last):" in text
        for function in ("<module>", "set_up", "connect"):
            assert re.search(rf'File ".*raises_on_import\.py", line \d+, in {function}\n', text)
        assert "ConnectionError: no such database: orders" in text
        assert "clutch" in server.log.lines[0], "the start-up line comes first"

    def test_syntax_error(self, start, preload):
        server = start_and_fail(start, BAD / "syntax_error.py", *preload)
        assert server.log_contains(r"SyntaxError: ") and server.log_contains(r"syntax_error\.py\", line 4")

    def test_missing_import(self, start, preload):
        server = start_and_fail(start, "missing_import", "--pythonpath", BAD, *preload)
        assert server.log_contains(r"ModuleNotFoundError: No module named 'no_such_module_anywhere'")

    def test_missing_module(self, start, preload):
        server = start_and_fail(start, "no_such_application", *preload)
        assert server.log_contains(r"\[error\].*no module 'no_such_application'.*--chdir and --pythonpath")

    def test_missing_module_beside_an_archive(self, start, preload, tmp_path):
        """An archive need not be executable to be imported from."""
        archive = tmp_path / "library.zip"
        with zipfile.ZipFile(archive, "w") as library:
            library.writestr("something.py", "")
        archive.chmod(0o644)
        server = start_and_fail(start, "no_such_application", "--pythonpath", archive, *preload)
        assert server.log_contains(r"no module 'no_such_application'.*--chdir and --pythonpath\)$")

    @pytest.mark.parametrize(
        "app, words",
        [
            ("no_callable", ["application", "app"]),
            ("no_callable:nothing", ["nothing"]),
            ("no_callable:settings", ["settings", "callable"]),
            ("no_callable:settings.deeper", ["settings"]),
        ],
    )
    def test_missing_callable(self, start, preload, app, words):
        server = start_and_fail(start, app, "--pythonpath", BAD, *preload)
        lines = [
            match.string for match in server.log.find_all(r"\[(error|critical)\]") if "no_callable" in match.string
        ]
        assert any(all(word in line for word in words) for line in lines), server.log.text

    def test_exit_while_importing(self, start, preload):
        server = start_and_fail(start, BAD / "exits_on_import.py", *preload)
        assert server.log_contains("configuration missing")

    def test_killed_while_importing(self, start, preload):
        server = start_and_fail(start, BAD / "dies_on_import.py", *preload)
        assert server.log_contains(r"was killed by signal 9 \(SIGKILL\)")

    def test_boot_timeout(self, start, preload, gate):
        """The limit must leave time to come to the application, which takes as long as it takes."""
        count, limits_s = 1 if preload else 2, iter((0.5, 3, 20))
        is_in_time = False
        while not is_in_time:
            began_s, limit_s = time.monotonic(), next(limits_s)
            options = ["--boot-timeout", limit_s, *preload]
            server = start(
                BAD / "slow_import.py", *options, ready=False, workers=2, environment={"APP_GATE": gate.path}
            )
            out = server.out
            wait_until(lambda: len(out.find_all("^import waits$")) == count or out.is_at_end, "it to load")  # noqa: B023
            is_in_time = time.monotonic() < began_s + limit_s
            assert server.wait_exit() == 3
            assert server.log_contains(
                rf"\[error\].* has not loaded the application within {limit_s:g} s \(--boot-timeout\): killed"
            )
        assert len(server.log.find_all(r'File ".*slow_import\.py", line \d+ in <module>$')) == 1, "where it waited"

    def test_stacks_while_loading(self, start, preload, gate):
        """Asked for, they are written, and it loads on."""
        server = start(BAD / "slow_import.py", *preload, ready=False, environment={"APP_GATE": gate.path})
        gate.wait_reached()
        pid = int(server.wait_for_log(r"spawned (?:worker 1|zygote) \(pid: (\d+)")[1])
        os.kill(pid, signal.SIGRTMIN + 7)
        server.wait_for_log(r'File ".*slow_import\.py", line \d+ in <module>')
        gate.open()
        server.wait_ready()


def test_the_last_line_says_why_it_gave_up(start):
    server = start_and_fail(start, BAD / "raises_on_import.py", workers=3)
    assert server.log_contains(r"\[critical\] master: no worker could be started")


def test_a_slow_import_within_the_timeout(start, gate):
    server = start(BAD / "slow_import.py", ready=False, environment={"APP_GATE": gate.path})
    gate.wait_reached()
    assert not server.log_contains("ready:")
    gate.open()
    server.wait_ready()
    assert server.request("/").body == b"loaded at last"


def test_one_bad_start_then_a_good_one(start, tmp_path):
    """As long as one worker serves, one that failed is tried again."""
    server = start(BAD / "fails_at_first.py", workers=2, ready=False, environment={"APP_MARK": str(tmp_path / "mark")})
    server.wait_ready()
    assert server.log_contains("RuntimeError: the first import fails")
    assert server.log_contains(r"worker \d: next attempt in \d+\.\d s")
    assert server.request("/").body == b"loaded the second time"


def test_a_worker_that_cannot_come_back_is_tried_again(start, tmp_path):
    """Loaded once, the application fails when the worker is replaced: the server goes on trying, and tells so."""
    app = tmp_path / "app.py"
    app.write_text(
        "def application(environ, start_response):\n" "    start_response('200 OK', [])\n" "    return [b'good']\n"
    )
    server = start(app)
    good = app.read_text()
    app.write_text("raise RuntimeError('broken by a change')\n")
    mark = server.log.mark()
    server.kill_worker()
    server.wait_for_log("RuntimeError: broken by a change", after=mark)
    server.wait_for_log("next attempt in", after=mark)
    better = tmp_path / "better.py"
    better.write_text(good)
    better.replace(app)  # at once: it may be loaded at this moment
    assert server.request("/").body == b"good"


def test_stop_while_loading(start, gate):
    server = start(BAD / "slow_import.py", ready=False, environment={"APP_GATE": gate.path})
    gate.wait_reached()
    assert server.stop() == 0


def test_port_is_taken(start):
    first = start("router", "--pythonpath", BEHAVIOUR)
    second = start("router", "--pythonpath", BEHAVIOUR, bind=[f"127.0.0.1:{first.port}"], ready=False)
    assert second.wait_exit() == 1
    assert second.log_contains(rf"127\.0\.0\.1:{first.port}.*(in use|already)")
