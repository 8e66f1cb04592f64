# SPDX-License-Identifier: MIT
"""clutch import-config: a file of uWSGI's or gunicorn's becomes one of ours, and it serves."""

from __future__ import annotations

import pytest

from support.server import BEHAVIOUR, run_clutch

GUNICORN = f"""
import os

print("this goes to standard error")
here = os.path.dirname(__file__)
wsgi_app = "ignore_body"
bind = ["127.0.0.1:0"]
workers = 2 - 1
threads = len("ab")
umask = 0o027
preload_app = True
keepalive = 1.5
user = None
daemon = False
pythonpath = {str(BEHAVIOUR)!r}
raw_env = ("A=1", "B=\\u00e9")
pidfile = os.path.join(here, "server.pid")
timeout = 120
logger_class = object
bytes_and_such = b"x"
limit_request_fields = b"x"
sendfile = False
tags = ["a"] * 1000


def post_fork(server, worker):
    raise RuntimeError
"""

IMPORTED = f"""\
; From gunicorn.conf.py, for gunicorn.
[clutch]
app = ignore_body
bind = 127.0.0.1:0
workers = 1
threads = 2
umask = 27
preload = yes
keep-alive = 1.5
pythonpath = {BEHAVIOUR}
env = A=1
env = B=\u00e9
pid = {{directory}}/server.pid

; No counterpart:
;   timeout = 120: in gunicorn it is how long a worker may be silent; --request-timeout bounds a request, in a thread as \
well
;   logger_class: logs are lines in a file; see --error-logfile, --access-logfile and --access-logformat
;   limit_request_fields: it has a value of a type that is not understood
;   sendfile = False: wsgi.file_wrapper always uses it where it can
;   post_fork: see the built-in module clutch: on_worker_start
"""


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_gunicorn(start, tmp_path):
    write(tmp_path / "gunicorn.conf.py", GUNICORN)
    result = run_clutch("import-config", "gunicorn.conf.py", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "this goes to standard error\n")
    assert result.stdout == IMPORTED.format(directory=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gunicorn.conf.py"], "no __pycache__"
    server = start(None, "--config", write(tmp_path / "clutch.ini", result.stdout), workers=None, bind=())
    assert server.request().status == 200
    assert (tmp_path / "server.pid").stat().st_mode & 0o777 == 0o640


def test_uwsgi(start, tmp_path):
    file = write(
        tmp_path / "uwsgi.ini",
        f"[uwsgi]\nhttp = 127.0.0.1:0\nmodule = ignore_body\npythonpath = {BEHAVIOUR}\nprocesses = 1\nstats = :1\n",
    )
    result = run_clutch("import-config", file)
    assert (result.returncode, result.stderr) == (0, "")
    assert ";   stats = :1 (line 6): " in result.stdout
    server = start(None, "--config", write(tmp_path / "clutch.ini", result.stdout), workers=None, bind=())
    assert server.request().status == 200


@pytest.mark.parametrize(
    "text, told",
    [
        ("bind = 1 / 0", "import-config: 'x.conf.py' cannot be run: ZeroDivisionError"),
        ("raise SystemExit(0)", "import-config: 'x.conf.py' cannot be run: SystemExit: 0"),
        ("def", "import-config: 'x.conf.py' cannot be run: SyntaxError: invalid syntax"),
        ("import no_such_module", "import-config: 'x.conf.py' cannot be run: ModuleNotFoundError"),
    ],
)
def test_a_program_that_fails(tmp_path, text, told):
    write(tmp_path / "x.conf.py", text)
    result = run_clutch("import-config", "x.conf.py", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert told in result.stderr
    assert "runpy" not in result.stderr and "importlib" not in result.stderr


def test_a_module_beside_the_place_where_it_is_run(tmp_path):
    write(tmp_path / "common.py", "cores = 7")
    write(tmp_path / "x.conf.py", "import common\nworkers = common.cores")
    result = run_clutch("import-config", "x.conf.py", cwd=tmp_path)
    assert "\nworkers = 7\n" in result.stdout


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("--what",)])
def test_one_file_is_needed(arguments):
    result = run_clutch("import-config", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("clutch: import-config: one file is needed\nUsage: clutch import-config FILE\n")


@pytest.mark.parametrize("file, told", [("none.ini", "'none.ini' cannot be read: No such file"), ("a.yaml", "only ini files")])
def test_a_file_that_cannot_be_read(tmp_path, file, told):
    result = run_clutch("import-config", file, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert told in result.stderr


@pytest.mark.parametrize("kind", ["directory", "device"])
def test_a_program_is_a_file(tmp_path, kind):
    file = tmp_path / "x.conf.py"
    if kind == "device":
        file.symlink_to("/dev/zero")
    else:
        file.mkdir()
    result = run_clutch("import-config", file, limit_s=20)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"clutch: import-config: '{file}' is no file: a Python program is needed\n"


def test_help():
    result = run_clutch("import-config", "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Usage: clutch import-config FILE\n")
    assert "  import-config FILE " in run_clutch("--help").stdout


def test_a_module_of_that_name_can_be_served():
    """Only the first argument is a command, and only that very word."""
    result = run_clutch("--print-config", "import-config:app")
    assert "import-config:app" in result.stdout + result.stderr


CHANGING = """
class Number(int):
    def __str__(self):
        globals().clear()
        self.numbers.clear()
        return "A=5"


raw_env = [Number(1), Number(2)]
Number.numbers = raw_env
wsgi_app = "app"
pidfile = Number(3)
"""


def test_values_may_change_the_names_while_they_are_read(tmp_path):
    write(tmp_path / "x.conf.py", CHANGING)
    result = run_clutch("import-config", "x.conf.py", cwd=tmp_path, environment={"PYTHONMALLOC": "debug"})
    assert (result.returncode, result.stderr) == (0, "")
    assert "\nenv = A=5\nenv = A=5\n" in result.stdout
    assert "\npid = A=5\n" in result.stdout
    assert "\napp = app\n" in result.stdout
