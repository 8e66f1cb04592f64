# SPDX-License-Identifier: MIT
"""An application that was written for uWSGI, with --uwsgi-module."""

import json
import os

import uwsgi
import uwsgidecorators

calls = []


@uwsgidecorators.postfork
def connect():
    calls.append(["connect", uwsgi.worker_id()])


@uwsgidecorators.postfork(2)
def connect_second():
    calls.append(["second", uwsgi.worker_id()])


uwsgi.post_fork_hook = lambda: calls.append(["hook", uwsgi.worker_id()])


def say(function):
    try:
        return repr(function())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def import_timer():
    from uwsgidecorators import timer

    return timer


def in_child(function):
    """What the function says in a process that this one forks."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write_end, say(function).encode())
        os._exit(0)
    os.close(write_end)
    os.waitpid(pid, 0)
    with os.fdopen(read_end) as pipe:
        return pipe.read()


at_import = say(uwsgi.reload)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    if environ["PATH_INFO"].endswith("/reload"):
        return [say(uwsgi.reload).encode()]
    return [
        json.dumps(
            {
                "worker": uwsgi.worker_id(),
                "numproc": uwsgi.numproc,
                "cores": uwsgi.cores,
                "version": uwsgi.version.decode(),
                "opt": {name: repr(value) for name, value in uwsgi.opt.items()},
                "masterpid": uwsgi.masterpid(),
                "is_a_reload": uwsgi.is_a_reload(),
                "calls": calls,
                "cache": say(lambda: uwsgi.cache_get("a")),
                "has_cache": hasattr(uwsgi, "cache_get"),
                "timer": say(lambda: uwsgidecorators.timer),
                "import": say(import_timer),
                "at_import": at_import,
                "in_child": in_child(uwsgi.reload),
            }
        ).encode()
    ]
