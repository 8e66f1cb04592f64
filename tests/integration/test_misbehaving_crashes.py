# SPDX-License-Identifier: MIT
"""Applications that crash their process in C: the log says of which request, and the other workers serve."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sysconfig

import pytest

from support.client import make_request
from support.server import BEHAVIOUR
from support.waiting import Gate, wait_until

EXTENSION = """
#include <Python.h>
static PyObject *crash(PyObject *self, PyObject *nothing)
{
    volatile int *nowhere = (int *)16;
    return PyLong_FromLong(*nowhere);
}
static PyMethodDef methods[] = {{"crash", crash, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "crasher", NULL, -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_crasher(void) { return PyModule_Create(&module); }
"""

SEGV = r"was killed by signal 11 \(SIGSEGV\)"
ABORT = r"was killed by signal 6 \(SIGABRT\)"
CRASHES = {
    "read": SEGV,
    "call": SEGV,
    "thread": SEGV,
    "abort": ABORT,
    "exit": r"exited with status 77",
    "fatal": ABORT,
    "cpu": r"was killed by signal (9|24) \(SIG(KILL|XCPU)\)",
    "alarm": r"was killed by signal 14 \(SIGALRM\)",
}
SANITIZER_STANDS_ASIDE = ":".join(f"handle_{name}=0" for name in ("segv", "abort", "sigbus", "sigill", "sigfpe"))


def start_crash(start, *options, path=BEHAVIOUR, **keywords):
    own = os.environ.get("ASAN_OPTIONS", "")
    environment = {"ASAN_OPTIONS": f"{own}:{SANITIZER_STANDS_ASIDE}:use_sigaltstack=0"}
    return start("crash", "--pythonpath", path, *options, environment=environment, **keywords)


@pytest.fixture(scope="module", params=[["--threads", "1"], ["--threads", "3", "--preload"]], ids=["1", "3, preload"])
def server(request, start_module):
    return start_crash(start_module, *request.param, workers=2)


@pytest.mark.parametrize("path", CRASHES)
def test_the_log_says_of_which_request(server, tmp_path, path):
    """The sibling serves on; the worker comes back."""
    mark = server.log.mark()
    gate = Gate(tmp_path)
    with server.connect() as connection:
        target = f"/{path}?gate={gate.path}"
        connection.send(make_request(target))
        gate.wait_reached()
        gate.release()
        assert connection.read_to_end() == b""
        for _ in range(4):
            assert server.request("/").status == 200
    line = rf'\[error\] master: worker (\d+) \(pid: (\d+)\) {CRASHES[path]}, .*while running "GET /{path}\?gate='
    number, pid = map(int, server.wait_for_log(line, after=mark).group(1, 2))
    wait_until(lambda: server.worker_pids()[number - 1] != pid, "its successor")


def test_where_it_was_in_python(start):
    """The fault handler shows every thread's stack."""
    server = start_crash(start)
    with server.connect() as connection:
        connection.send(make_request("/read"))
        assert connection.read_to_end() == b""
    server.wait_for_log("Fatal Python error: Segmentation fault")
    server.wait_for_log(r'File ".*crash\.py", line \d+ in read_nothing')


def test_an_extension_module_that_crashes(start, tmp_path):
    compiler = shutil.which("cc")
    include = sysconfig.get_path("include")
    if compiler is None or not (pathlib.Path(include) / "Python.h").exists():
        pytest.skip("no C compiler, or no Python.h")
    source = tmp_path / "crasher.c"
    source.write_text(EXTENSION)
    library = tmp_path / ("crasher" + sysconfig.get_config_var("EXT_SUFFIX"))
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, f"-I{include}", source], check=True)
    server = start_crash(start, path=f"{BEHAVIOUR},{tmp_path}", workers=2)
    with server.connect() as connection:
        connection.send(make_request("/extension"))
        assert connection.read_to_end() == b""
        assert server.request("/").status == 200
    server.wait_for_log(rf'{SEGV}, .*while running "GET /extension"')
    server.wait_for_log(r'File ".*crash\.py", line \d+ in extension')


def test_the_master_and_the_zygote_stand(server):
    """After all of these."""
    assert server.process.poll() is None
    assert not server.log_contains("zygote .*(killed|exited)")
