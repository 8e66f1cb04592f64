# SPDX-License-Identifier: MIT
"""observe.py, driven as a server drives it, with wsgiref.validate on both of its sides."""

import os
import subprocess
import sys
import threading
import time
import wsgiref.util
import wsgiref.validate

import pytest
from comparison_support import PYAPPS

from compare import observe, peers


def make_environ(**more):
    environ = {"QUERY_STRING": "", **more}
    wsgiref.util.setup_testing_defaults(environ)
    return environ


def call(application, environ=None):
    """Returns (status, {field: value}, body) as a server sees them; both sides are checked."""
    seen = []

    def start_response(status, fields, exc_info=None):
        seen.append((status, dict(fields)))
        return lambda block: None

    answer = wsgiref.validate.validator(observe.observe(application))(environ or make_environ(), start_response)
    body = b"".join(answer)
    answer.close()
    assert len(seen) == 1, "the server is told a status once"
    return (*seen[0], body)


PLAIN = [("Content-Type", "text/plain")]


class Body:
    """An iterable with close()."""

    def __init__(self, *steps):
        self.steps, self.closed = iter(steps), 0

    def __iter__(self):
        return self

    def __next__(self):
        step = next(self.steps)
        return step() if callable(step) else step

    def close(self):
        self.closed += 1


def test_a_response_is_stamped():
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        time.sleep(0.02)
        return [b"a", b"b"]

    before_us = time.time_ns() // 1000
    status, fields, body = call(wsgiref.validate.validator(application))
    after_us = time.time_ns() // 1000
    stamp = peers.stamps(fields)
    assert (status, body, fields["Content-Length"]) == ("200 OK", b"ab", "2")
    assert (stamp["pid"], stamp["thread_id"]) == (os.getpid(), threading.get_ident())
    assert before_us <= stamp["begin_us"] <= stamp["end_us"] - 20000 <= after_us - 20000


def test_the_end_is_when_the_last_block_was_there():
    def late():
        time.sleep(0.02)
        return b"late"

    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        return Body(b"early ", late)

    _, fields, body = call(application)
    stamp = peers.stamps(fields)
    assert body == b"early late" and stamp["end_us"] - stamp["begin_us"] >= 20000


@pytest.mark.parametrize(
    "method, status, given, length",
    [
        ("GET", "200 OK", [("Content-Length", "2")], "2"),
        ("HEAD", "200 OK", [], None),
        ("GET", "204 No Content", [], None),
        ("GET", "304 Not Modified", [], None),
        ("GET", "200 OK", [], "2"),
    ],
)
def test_a_length_is_declared_where_it_is_missing(method, status, given, length):
    def application(environ, start_response):
        start_response(status, given)
        return [b"ok"] if length else []

    fields = []
    observed = observe.observe(application)
    observed(make_environ(REQUEST_METHOD=method), lambda _status, found, exc_info=None: fields.extend(found))
    assert [value for name, value in fields if name == "Content-Length"] == ([length] if length else [])


def test_write_comes_before_the_body():
    def application(environ, start_response):
        write = start_response("200 OK", PLAIN)
        write(b"written ")
        return [b"returned"]

    assert call(application)[2] == b"written returned"


def test_a_status_may_come_with_the_first_block():
    def application(environ, start_response):
        start_response("201 Created", PLAIN)
        yield b"x"

    assert call(application)[0] == "201 Created"


def test_a_second_status_with_exc_info_replaces_the_first():
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        try:
            raise KeyError("x")
        except KeyError:
            start_response("500 Oops", PLAIN, sys.exc_info())
        return [b"sorry"]

    assert call(application)[::2] == ("500 Oops", b"sorry")


def test_exc_info_is_raised_when_a_part_of_the_body_was_there():
    body = Body(b"half", lambda: fail())

    def application(environ, start_response):
        nonlocal fail

        def fail():
            try:
                raise KeyError("x")
            except KeyError:
                start_response("500 Oops", PLAIN, sys.exc_info())

        start_response("200 OK", PLAIN)
        return body

    fail = None
    with pytest.raises(KeyError):
        call(application)
    assert body.closed == 1


def test_a_second_status_without_exc_info_is_an_error():
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        start_response("200 OK", PLAIN)
        return []

    with pytest.raises(AssertionError, match="twice"):
        observe.observe(application)(make_environ(), None)


@pytest.mark.parametrize("body, words", [([b"x"], "before it called"), ([], "did not call")])
def test_a_status_is_needed(body, words):
    with pytest.raises(AssertionError, match=words):
        observe.observe(lambda environ, start_response: body)(make_environ(), None)


def test_the_body_is_closed_once_also_after_an_error():
    good, bad = Body(b"x"), Body(b"x", lambda: 1 / 0)

    def serve(body):
        def application(environ, start_response):
            start_response("200 OK", PLAIN)
            return body

        return application

    call(serve(good))
    with pytest.raises(ZeroDivisionError):
        call(serve(bad))
    assert (good.closed, bad.closed) == (1, 1)


def test_a_probe_does_not_reach_the_application():
    status, fields, body = call(lambda *_: pytest.fail("called"), make_environ(**{observe.PROBE_KEY: "1"}))
    assert (status, body) == ("200 OK", observe.PROBE_BODY)
    assert peers.stamps(fields)["pid"] == os.getpid()


def test_the_file_wrapper_of_the_server_stays_with_the_server():
    environ = make_environ(**{"wsgi.file_wrapper": wsgiref.util.FileWrapper})

    def application(offered, start_response):
        assert "wsgi.file_wrapper" not in offered
        start_response("200 OK", PLAIN)
        return [b""]

    call(application, environ)
    assert "wsgi.file_wrapper" in environ, "gunicorn looks for it after the call"


# Finding the application.


APPS = {
    "both.py": "def application(e, s): pass\ndef app(e, s): pass\n",
    "only.py": "import neighbour\nclass inner:\n    deep = staticmethod(lambda e, s: None)\n"
    "def app(e, s): pass\nNOT = 1\n",
    "neighbour.py": "",
    "broken.py": "import no_such_module\n",
}


@pytest.mark.parametrize(
    "name, found",
    [
        ("both", "application"),
        ("both:app", "app"),
        ("only", "app"),
        ("only:inner.deep", "<lambda>"),
        ("{dir}/both.py", "application"),
        ("{dir}/only.py:app", "app"),
        ("./both.py:app", "app"),
    ],
)
def test_load(tmp_path, name, found):
    text = ask(tmp_path, name)
    assert text.stdout.strip() == found, text.stderr


@pytest.mark.parametrize(
    "name, words",
    [
        ("only:NOT", "ImportError: only has no 'NOT' that can be called"),
        ("neighbour", "neighbour has no 'application' or 'app' that can"),
        ("broken", "No module named 'no_such_module'"),
        ("{dir}/broken.py", "No module named 'no_such_module'"),
        ("{dir}/none.py", "FileNotFoundError"),
        ("none", "No module named 'none'"),
    ],
)
def test_what_cannot_be_loaded(tmp_path, name, words):
    told = ask(tmp_path, name)
    assert told.returncode == 1 and words in told.stderr and "Traceback" in told.stderr


def ask(directory, name):
    """Imports compare.observe as a server does, with COMPARE_APP set; prints the name of the function inside."""
    for file, text in APPS.items():
        (directory / file).write_text(text)
    code = "from compare.observe import application; print(application.__closure__[0].cell_contents.__name__)"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **peers.environment(name.format(dir=directory)), "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_importing_the_names_loads_nothing(monkeypatch):
    assert not hasattr(observe, "application")
    code = "from compare import observe; print(hasattr(observe, 'application'))"
    bare = {key: value for key, value in os.environ.items() if key != observe.APP_VARIABLE}
    told = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**bare, "PYTHONPATH": str(PYAPPS)},
    )
    assert told.stdout == "False\n"
