# SPDX-License-Identifier: MIT
"""How APP is named, and where it is looked for."""

from __future__ import annotations

import os
import pathlib
import shutil

import pytest

from support.server import BEHAVIOUR, PYAPPS, find_binary

APP = """
import os, sys
NAME = {name!r}
def application(environ, start_response):
    start_response("200 OK", [])
    return ["\\n".join([NAME, "application", os.getcwd(), sys.prefix, __name__, *sys.path]).encode()]
def other(environ, start_response):
    start_response("200 OK", [])
    return [b"other of " + NAME.encode()]
class holder:
    inner = staticmethod(other)
"""


@pytest.fixture
def folder(tmp_path):
    """web.py has `application`, package/flaskish.py has only `app`, odd-name.py cannot be imported by its name."""
    (tmp_path / "web.py").write_text(APP.format(name="web"))
    (tmp_path / "odd-name.py").write_text(APP.format(name="odd"))
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "flaskish.py").write_text(
        "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'app']\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    "app, expected",
    [
        ("web", "web\napplication"),
        ("web:application", "web\napplication"),
        ("web:other", "other of web"),
        ("web:holder.inner", "other of web"),
        ("web.py", "web\napplication"),
        ("./web.py", "web\napplication"),
        ("web.py:other", "other of web"),
        ("odd-name.py", "odd\napplication"),
        ("package.flaskish", "app"),
        ("package.flaskish:app", "app"),
        ("package/flaskish.py", "app"),
    ],
)
def test_forms(start, folder, app, expected):
    server = start(app, cwd=folder)
    assert server.request("/").text.startswith(expected)


def test_absolute_path_of_a_file(start, folder):
    server = start(folder / "web.py", cwd="/")
    assert server.request("/").text.startswith("web\napplication\n/\n")


def test_a_file_finds_its_neighbours(start, folder):
    """Like `python file.py`: modules beside the file can be imported."""
    (folder / "asks.py").write_text("import web\napplication = web.other\n")
    server = start(folder / "asks.py", cwd="/")
    assert server.request("/").body == b"other of web"


@pytest.mark.parametrize(
    "options",
    [
        ("--module", "web"),
        ("--wsgi-file", "web.py"),
        ("--wsgi", "web:application"),
        ("--file", "web.py"),
        ("--wsgi-file=web.py",),
    ],
    ids=" ".join,
)
def test_uwsgi_spellings(start, folder, options):
    server = start(None, *options, cwd=folder)
    assert server.request("/").text.startswith("web\napplication")


def test_callable_option(start, folder):
    server = start(None, "--wsgi-file", "web.py", "--callable", "other", cwd=folder)
    assert server.request("/").body == b"other of web"


def test_chdir(start, folder):
    server = start("web", "--chdir", folder, cwd="/")
    assert server.request("/").text.split("\n")[2] == str(folder)


def test_pythonpath(start, folder, tmp_path_factory):
    """Directories are searched in the order given, before everything that is installed."""
    second = tmp_path_factory.mktemp("second")
    (second / "web.py").write_text(APP.format(name="second"))
    server = start("web", "--pythonpath", folder, "--pythonpath", second, cwd="/")
    lines = server.request("/").text.split("\n")
    assert lines[0] == "web"
    assert lines[5:8] == [str(folder), str(second), "/"], "then the current directory, then what is installed"
    server = start("web", "--pythonpath", f"{second}:{folder}", cwd="/")
    assert server.request("/").text.startswith("second")


def test_environment_for_the_application(start, tmp_path):
    app = tmp_path / "env.py"
    app.write_text(
        "import os\nVALUE = os.environ.get('APP_SETTING', 'unset')\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n    return [VALUE.encode()]\n"
    )
    assert start(app, "-e", "APP_SETTING=one=two").request("/").body == b"one=two"
    assert start(app, environment={"APP_SETTING": "inherited"}).request("/").body == b"inherited"
    assert start(app, "--env", "APP_SETTING=given", environment={"APP_SETTING": "x"}).request("/").body == b"given"


def test_point_32_fixed_pairs_of_environ(start):
    """--environ: in every request, as text; what the server itself says wins."""
    pairs = ["--environ", "shop.region=north=1", "--environ", "wsgi.run_once=yes", "--environ", "empty="]
    server = start("echo_environ", "--pythonpath", BEHAVIOUR, *pairs)
    for _ in range(2):
        environ = server.request("/").json()["environ"]
        assert environ["shop.region"] == ["str", "north=1"]
        assert environ["empty"] == ["str", ""]
        assert environ["wsgi.run_once"] != ["str", "yes"]


def test_options_from_the_environment(start, folder):
    server = start(
        None,
        workers=None,
        cwd=folder,
        environment={"CLUTCH_APP": "web:other", "CLUTCH_WORKERS": "2", "CLUTCH_KEEP_ALIVE": "0"},
    )
    assert server.request("/").body == b"other of web"
    assert len(server.worker_pids()) == 2
    assert server.request("/").says_close


def test_venv(start, folder, app_venv):
    server = start("web", "--venv", app_venv, cwd=folder)
    lines = server.request("/").text.split("\n")
    assert os.path.realpath(lines[3]) == os.path.realpath(app_venv)
    assert any(line.startswith(app_venv) and line.endswith("site-packages") for line in lines)


def test_active_venv(start, folder, app_venv):
    server = start("web", cwd=folder, environment={"VIRTUAL_ENV": app_venv})
    assert os.path.realpath(server.request("/").text.split("\n")[3]) == os.path.realpath(app_venv)


@pytest.fixture
def installed(tmp_path, app_venv, monkeypatch):
    """A virtual environment with clutch in its bin/ and one package; nothing activates it."""
    venv = tmp_path / "installed"
    (venv / "bin").mkdir(parents=True)
    shutil.copy(pathlib.Path(app_venv) / "pyvenv.cfg", venv)
    (venv / "bin" / "python").symlink_to(pathlib.Path(app_venv, "bin", "python").resolve())
    minor = next(pathlib.Path(app_venv, "lib").glob("python3.*")).name
    packages = venv / "lib" / minor / "site-packages"
    packages.mkdir(parents=True)
    (packages / "only_here.py").write_text(APP.format(name="only here"))
    shutil.copy(find_binary(), venv / "bin" / "clutch")
    monkeypatch.setenv("CLUTCH_BINARY", str(venv / "bin" / "clutch"))
    return venv


def test_venv_around_the_program(start, installed):
    """Started by its path, or by a link to it, as one starts a program of pip's."""
    lines = start("only_here").request("/").text.split("\n")
    assert lines[0] == "only here" and lines[3] == str(installed)


def test_venv_around_the_program_of_a_link(start, installed, tmp_path, monkeypatch):
    link = tmp_path / "clutch"
    link.symlink_to(installed / "bin" / "clutch")
    monkeypatch.setenv("CLUTCH_BINARY", str(link))
    assert start("only_here", "--preload").request("/").text.split("\n")[3] == str(installed)


def test_venv_around_the_program_gives_way(start, installed, folder, app_venv):
    for options, environment in ((["--venv", app_venv], {}), ([], {"VIRTUAL_ENV": app_venv})):
        server = start("web", *options, cwd=folder, environment=environment)
        assert os.path.realpath(server.request("/").text.split("\n")[3]) == os.path.realpath(app_venv)


def test_worker_after_the_program_was_replaced(start, installed):
    """As an upgrade does it: what follows of the running server still finds its packages."""
    server = start("only_here")
    (installed / "bin" / "clutch").unlink()
    mark = server.log.mark()
    server.kill_worker()
    server.wait_for_log(r"spawned worker 1 ", after=mark)
    assert server.request("/").text.split("\n")[3] == str(installed)


@pytest.fixture
def other_venv(tmp_path, app_venv):
    """The outer shape of a virtual environment of a Python that clutch does not embed."""
    venv = tmp_path / "other"
    shutil.copytree(app_venv, venv, symlinks=True, ignore=shutil.ignore_patterns("site-packages", "share"))
    config = venv / "pyvenv.cfg"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("version")]
    config.write_text("\n".join([*lines, "version = 3.6.1"]) + "\n")
    return venv


def test_venv_of_another_version_is_refused(start, folder, other_venv):
    """Python itself would start, silently without the packages of the environment."""
    server = start("web", "--venv", other_venv, cwd=folder, ready=False)
    assert server.wait_exit() == 2
    line = server.wait_for_log(r"3\.6").string
    assert str(other_venv) in line


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()], ids=["missing", "no venv"])
def test_venv_that_is_none(start, folder, tmp_path, make):
    path = tmp_path / "nothing"
    make(path)
    server = start("web", "--venv", path, cwd=folder, ready=False)
    assert server.wait_exit() == 2
    assert server.log_contains(str(path))


def test_the_name_of_the_module(start, folder):
    """An imported module has its own name; a file has one of its own, never __main__."""
    assert start("web", cwd=folder).request("/").text.split("\n")[4] == "web"
    assert start("odd-name.py", cwd=folder).request("/").text.split("\n")[4] != "__main__"


def test_seed_command_line(start):
    """That of the Dockerfile that clutch replaces, with the program's name swapped and another port."""
    server = start(
        None,
        "--http",
        "0.0.0.0:0",
        "--wsgi-file",
        "app_main.py",
        "--master",
        "--processes",
        "5",
        bind=(),
        workers=None,
        cwd=PYAPPS,
        environment={"CLUTCH_DEMO_SECONDS": "0"},
    )
    assert server.request("/?param=Request_0").body == b"true"
    assert len(server.worker_pids()) == 5
    server.out.wait_for("^Accept incoming request: Request_0$")


def test_gunicorn_command_line(start, folder):
    server = start(
        None,
        "-b",
        "127.0.0.1:0",
        "-w",
        "2",
        "--chdir",
        folder,
        "--log-level",
        "info",
        "--access-logfile",
        "-",
        "--keep-alive",
        "5",
        "web:application",
        bind=(),
        workers=None,
        cwd="/",
    )
    assert server.request("/").text.startswith("web")
    assert len(server.worker_pids()) == 2
    server.out.wait_for(r'"GET / HTTP/1\.1" 200 ')


def test_workers_auto_follows_the_affinity(start, folder):
    cpus = sorted(os.sched_getaffinity(0))
    server = start("web", "--workers", "auto", workers=None, cwd=folder, prefix=["taskset", "--cpu-list", str(cpus[0])])
    assert len(server.worker_pids()) == 1
