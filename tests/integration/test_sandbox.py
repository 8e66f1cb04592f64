# SPDX-License-Identifier: MIT
"""--sandbox: what the kernel refuses to the application, and what goes on working. Skipped where it has no Landlock."""

from __future__ import annotations

import ctypes
import os
import pathlib
import platform
import shutil
import socket
import sys

import pytest
import requests

from support.client import make_request
from support.server import BEHAVIOUR, PYAPPS, run_clutch
from support.users import copy_library, only_root, public_folder

LANDLOCK_CREATE_RULESET = 444
SECCOMP = {"x86_64": 317, "aarch64": 277}.get(platform.machine(), 0)
FILTERED = pathlib.Path(__file__).parent / "support" / "filtered.py"
DENIED, FORBIDDEN = "PermissionError EACCES", "PermissionError EPERM"


def find_abi() -> int:
    """The version of the kernel's Landlock; less than 1 when it has none."""
    return ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)


ABI = find_abi()
has_landlock = pytest.mark.skipif(
    ABI < 1 or not SECCOMP, reason="this kernel has no Landlock, or the sandbox does not know this processor"
)
MODES = pytest.mark.parametrize(
    "mode", [[], ["--threads", "3"], ["--preload", "--threads", "2"]], ids=["alone", "threads", "preload"]
)


def without(*numbers):
    """A prefix that runs the server as if the kernel had not these system calls."""
    return [sys.executable, str(FILTERED), ",".join(map(str, numbers))]


@pytest.fixture
def confine(start, tmp_path):
    """confine(*options): serves attempts.py in a sandbox in which tmp_path/temporary and tmp_path/data are writable."""
    for name in ("temporary", "data", "elsewhere"):
        (tmp_path / name).mkdir()

    def start_it(*options, sandbox="on", app="attempts", **keywords):
        keywords.setdefault("environment", {})["TMPDIR"] = str(tmp_path / "temporary")
        folders = ["--pythonpath", BEHAVIOUR, "--sandbox", sandbox, "--sandbox-write", tmp_path / "data"]
        return start(app, *folders, *options, **keywords)

    return start_it


@has_landlock
@MODES
def test_files(confine, tmp_path, mode):
    (tmp_path / "elsewhere" / "kept").write_text("kept")
    server = confine(*mode)
    for target, answer in {
        f"/write?{tmp_path}/elsewhere/new": DENIED,
        f"/thread?write/{tmp_path}/elsewhere/new": DENIED,
        f"/early_thread?{tmp_path}/elsewhere/new": DENIED,
        f"/write?{tmp_path}/elsewhere/kept": DENIED,
        f"/remove?{tmp_path}/elsewhere/kept": DENIED,
        f"/make_directory?{tmp_path}/elsewhere/new": DENIED,
        f"/read?{tmp_path}/elsewhere/kept": "kept",
        f"/write?{tmp_path}/data/new": "written",
        f"/thread?write/{tmp_path}/data/new": "written",
        f"/read?{tmp_path}/data/new": "written",
        f"/make_directory?{tmp_path}/data/folder": "made",
        f"/remove?{tmp_path}/data/new": "removed",
        f"/database?{tmp_path}/data/sqlite": "1",
        f"/write?{tmp_path}/temporary/new": "written",
        "/temporary": "written",
        "/write?/dev/null": "written",
    }.items():
        assert server.request(target).text == answer, target
    assert (tmp_path / "elsewhere" / "kept").read_text() == "kept"
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == ["kept"]


@has_landlock
@pytest.mark.skipif(ABI < 2, reason="this Landlock refuses all renames between directories")
@MODES
def test_renames(confine, tmp_path, mode):
    for name in ("from", "to"):
        (tmp_path / "data" / name).mkdir()
    (tmp_path / "data" / "from" / "file").write_text("some")
    server = confine(*mode)
    paths = f"{tmp_path}/data/from/file:{tmp_path}/data/to/file"
    assert server.request(f"/rename?{paths}").text == "renamed"
    paths = f"{tmp_path}/data/to/file:{tmp_path}/elsewhere/file"
    assert server.request(f"/rename?{paths}").text in (DENIED, "OSError EXDEV")


@has_landlock
@pytest.mark.skipif(ABI < 3, reason="this Landlock does not know of emptying files")
def test_emptying(confine, tmp_path):
    for name in ("elsewhere", "data"):
        (tmp_path / name / "file").write_text("some")
    server = confine()
    assert server.request(f"/empty?{tmp_path}/elsewhere/file").text == DENIED
    assert server.request(f"/empty?{tmp_path}/data/file").text == "emptied"


@has_landlock
def test_a_single_file_may_be_written(confine, tmp_path):
    for name in ("one", "two"):
        (tmp_path / "elsewhere" / name).write_text("some")
    server = confine("--sandbox-write", tmp_path / "elsewhere" / "one")
    assert server.request(f"/write?{tmp_path}/elsewhere/one").text == "written"
    assert server.request(f"/write?{tmp_path}/elsewhere/two").text == DENIED
    assert server.request(f"/remove?{tmp_path}/elsewhere/one").text == DENIED


@has_landlock
@MODES
def test_system_calls(confine, mode):
    server = confine(*mode)
    for target, answer in {
        "/status?NoNewPrivs": "1",
        "/status?Seccomp": "2",
        "/listen": FORBIDDEN,
        "/thread?listen": FORBIDDEN,
        "/bind": DENIED if ABI >= 4 else "bound",
        "/ptrace": FORBIDDEN,
        "/unshare": FORBIDDEN,
        "/own_settings": "set",
        "/limit_parent": FORBIDDEN,
        "/place_parent": FORBIDDEN,
        "/slow_group": FORBIDDEN,
        "/signal_parent": FORBIDDEN if ABI >= 6 or os.geteuid() != 0 else "sent",
        "/signal_self": "sent",
        "/fork": "7",
        "/run?/bin/true": DENIED,
    }.items():
        if target == "/signal_parent" and ABI < 6:
            continue
        assert server.request(target).text == answer, target


@has_landlock
@MODES
def test_siblings_and_the_master_are_out_of_reach(confine, mode):
    server = confine(*mode, workers=2)
    zygote = server.log.find(r"spawned zygote \(pid: (\d+)\)")
    pids = [server.pid, *server.worker_pids(), *([int(zygote[1])] if zygote else [])]
    assert len(pids) == 3 + bool(zygote)
    for way in ("memory", "signal") if ABI >= 6 else ("memory",):
        assert server.request(f"/reach?{way}:{','.join(map(str, pids))}").text == "none", way


@has_landlock
def test_programs_that_are_allowed(confine, tmp_path):
    tool = tmp_path / "elsewhere" / "tool"
    tool.write_text("#!/bin/sh\necho tool\n")
    tool.chmod(0o755)
    shutil.copy(tool, tmp_path / "data" / "tool")
    allowed = [os.path.realpath("/bin/sh"), os.path.realpath("/bin/echo"), str(tmp_path / "elsewhere")]
    server = confine("--sandbox-exec", ":".join(allowed))
    assert server.request("/run?/bin/echo%20hello").text == "hello"
    assert server.request(f"/run?{tool}").text == "tool"
    assert server.request("/run?/bin/ls").text == DENIED
    assert server.request(f"/run?{tmp_path}/data/tool").text == DENIED, "what can be written cannot be executed"


@has_landlock
def test_started_programs_are_confined_as_well(confine, tmp_path):
    touch = os.path.realpath(shutil.which("touch"))
    server = confine("--sandbox-exec", touch)
    assert server.request(f"/run?{touch}%20{tmp_path}/elsewhere/new").text == "status 1"
    assert server.request(f"/run?{touch}%20{tmp_path}/data/new").text == ""
    assert (tmp_path / "data" / "new").exists() and not (tmp_path / "elsewhere" / "new").exists()


@has_landlock
def test_what_the_loader_runs_is_confined(confine, tmp_path):
    """--sandbox-exec keeps nobody from running what can be read, as the documents say; but it runs in the sandbox."""
    loader = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1"}[platform.machine()]
    if not os.path.exists(loader):
        pytest.skip(f"this C library has no {loader}")
    touch = os.path.realpath(shutil.which("touch"))
    server = confine("--sandbox-exec", "/bin/true")
    assert server.request(f"/run?{touch}%20{tmp_path}/data/new").text == DENIED
    assert server.request(f"/run?{loader}%20{touch}%20{tmp_path}/data/new").text == ""
    assert server.request(f"/run?{loader}%20{touch}%20{tmp_path}/elsewhere/new").text == "status 1"
    assert (tmp_path / "data" / "new").exists() and not (tmp_path / "elsewhere" / "new").exists()


@has_landlock
def test_clients_of_other_services(confine):
    with socket.create_server(("127.0.0.1", 0)) as service:
        assert confine().request(f"/connect?{service.getsockname()[1]}").text == "connected"


@has_landlock
def test_what_is_in_force_is_said(confine, tmp_path):
    server = confine("--sandbox-exec", "/bin/true")
    assert server.log_contains(
        rf"\[info\] master: sandbox: Landlock ABI {ABI}: files may be written below: "
        rf"{tmp_path}/temporary, {tmp_path}/data; "
        r"executed: /bin/true, and what the loader or an interpreter among them reads"
    )
    assert server.log_contains(r"\[info\] master: sandbox: seccomp: \d+ system calls are refused$")
    server = confine()
    assert server.log_contains("executed: none") and not server.log_contains("loader")
    assert server.log_contains(r"seccomp: \d+ system calls are refused, execve among them")


@has_landlock
def test_off_is_the_default(start, tmp_path):
    server = start("attempts", "--pythonpath", BEHAVIOUR)
    assert server.request(f"/write?{tmp_path}/new").text == "written"
    assert server.request("/run?/bin/echo%20hello").text == "hello"
    assert server.request("/status?Seccomp_filters").text == str(count_filters())
    assert not server.log_contains("sandbox")


def count_filters() -> int:
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Seccomp_filters:")), 0)


@has_landlock
@only_root
def test_together_with_another_user(start):
    with public_folder() as folder:
        (folder / "data").mkdir()
        (folder / "data").chmod(0o777)
        server = start(
            shutil.copy(BEHAVIOUR / "attempts.py", folder),
            *["--user", "nobody", "--sandbox", "on", "--sandbox-write", folder / "data"],
            environment={"PYTHONHOME": str(copy_library(folder))},
        )
        assert server.request("/regain").text == "nothing"
        assert server.request(f"/write?{folder}/data/new").text == "written"
        assert server.request("/write?/etc/passwd").text == DENIED


@has_landlock
def test_workers_that_come_later_are_confined(confine, tmp_path):
    server = confine()
    server.kill_worker()
    server.wait_for_log("spawned worker 1", count=2)
    assert server.request(f"/write?{tmp_path}/elsewhere/new").text == DENIED
    assert server.request(f"/write?{tmp_path}/data/new").text == "written"


@has_landlock
def test_the_server_itself_goes_on_working(confine, tmp_path):
    """Large bodies in temporary files, slow readers, a queue between workers, logs, stop."""
    server = confine("--body-memory", "1k", "--access-logfile", tmp_path / "access", app="router", workers=2)
    body = b"x" * 3_000_000
    assert server.request("/echo_body/raw", "POST", body=body).body == body
    with server.connect() as slow:
        slow.send(make_request("/echo_body/raw", "POST", body=body))
        assert len(slow.read_response().body) == len(body)
    assert server.stop() == 0
    assert len((tmp_path / "access").read_text().splitlines()) == 2


@has_landlock
@pytest.mark.parametrize("mode", [[], ["--preload"]], ids=["alone", "preload"])
def test_flask(start, app_venv, mode):
    server = start("flask_app:app", "--chdir", PYAPPS, "--venv", app_venv, "--sandbox", "on", *mode)
    assert "Flask behind clutch/" in server.request("/").text


@has_landlock
def test_django(start, app_venv, tmp_path):
    options = ["--chdir", PYAPPS / "django_project", "--venv", app_venv, "--threads", "2"]
    server = start("demo.wsgi", *options, "--sandbox", "on", environment={"TMPDIR": str(tmp_path)})
    assert server.request("/").status == 200
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{server.url}/upload/", files={"file": ("data", b"x" * (3 << 20))}).json()
    assert answer["in_file"] and answer["size"] == 3 << 20


@has_landlock
def test_loading_is_confined_in_a_trial_too(tmp_path):
    app = tmp_path / "app.py"
    app.write_text(f"open({str(tmp_path / 'new')!r}, 'w')\ndef application(environ, start_response): pass\n")
    (tmp_path / "temporary").mkdir()
    environment = {"TMPDIR": str(tmp_path / "temporary")}
    assert run_clutch("--check-config", app, environment=environment).returncode == 0
    result = run_clutch("--check-config", "--sandbox", "on", app, environment=environment)
    assert result.returncode == 3 and "Permission denied" in result.stderr


# What the kernel lacks.


@pytest.mark.skipif(not SECCOMP, reason="the number of seccomp(2) is not known here")
@pytest.mark.parametrize(
    "missing, lacks",
    [
        ([LANDLOCK_CREATE_RULESET], r"no Landlock \(Linux 5.13"),
        ([SECCOMP], "no seccomp filter;"),
        ([LANDLOCK_CREATE_RULESET, SECCOMP], "no Landlock .* and no seccomp filter"),
    ],
    ids=["landlock", "seccomp", "both"],
)
def test_a_kernel_that_lacks_it_stops_the_start(confine, missing, lacks):
    if ABI < 1 and LANDLOCK_CREATE_RULESET not in missing:
        pytest.skip("this kernel has no Landlock")
    server = confine(prefix=without(*missing), ready=False)
    assert server.wait_exit() == 1
    assert server.log_contains(rf"\[critical\] master: --sandbox on: .*{lacks}")
    assert server.log_contains("--sandbox best-effort would go without")


@has_landlock
def test_best_effort_without_landlock(confine, tmp_path):
    server = confine(sandbox="best-effort", prefix=without(LANDLOCK_CREATE_RULESET))
    assert server.log_contains(r"\[warning\] master: sandbox: this kernel has no Landlock: files, ports and signals")
    assert server.log_contains("seccomp: [0-9]+ system calls are refused")
    assert server.request(f"/write?{tmp_path}/elsewhere/new").text == "written"
    assert server.request("/run?/bin/true").text == DENIED
    assert server.request("/listen").text == FORBIDDEN


@has_landlock
def test_best_effort_without_seccomp(confine, tmp_path):
    server = confine(sandbox="best-effort", prefix=without(SECCOMP))
    assert server.log_contains(r"\[warning\] master: sandbox: this kernel has no seccomp filter")
    assert server.request(f"/write?{tmp_path}/elsewhere/new").text == DENIED
    assert server.request("/run?/bin/true").text == DENIED


@has_landlock
def test_in_a_container_with_a_filter_of_its_own(confine, tmp_path):
    """The stricter of both holds."""
    server = confine(prefix=without(425))
    assert server.request("/status?Seccomp_filters").text == str(count_filters() + 2)
    assert server.request(f"/write?{tmp_path}/elsewhere/new").text == DENIED


# Mistakes.


@pytest.mark.parametrize("option", ["--sandbox-write", "--sandbox-exec"])
def test_paths_that_do_not_exist(option):
    result = run_clutch("--sandbox", "best-effort", option, "/no/such/path", BEHAVIOUR / "attempts.py")
    assert result.returncode == 2
    assert f"{option}: '/no/such/path' cannot be found: No such file or directory" in result.stderr


def test_no_sandbox_with_setuid_programs():
    result = run_clutch("--sandbox", "on", "--no-new-privs", "off", BEHAVIOUR / "attempts.py")
    assert result.returncode == 2
    assert "--no-new-privs off: --sandbox cannot be without it" in result.stderr


def test_paths_without_a_sandbox_are_warned_of(start, tmp_path):
    server = start("attempts", "--pythonpath", BEHAVIOUR, "--sandbox-write", tmp_path)
    assert server.log_contains(r"\[warning\] master: --sandbox-write and --sandbox-exec do nothing without --sandbox")
