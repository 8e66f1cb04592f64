# SPDX-License-Identifier: MIT
"""Ends itself from inside a request as the path says: by an exception that is no Exception, or the process with it."""

import os
import signal
import sys

from tools import PLAIN, dispatch, number


class PrivateExit(BaseException):
    pass


def system_exit(environ, start_response):
    sys.exit(number(environ, "status", 3))


def keyboard_interrupt(environ, start_response):
    raise KeyboardInterrupt


def private_exit(environ, start_response):
    raise PrivateExit("none of Python's own")


def exit_in_body(environ, start_response):
    start_response("200 OK", PLAIN)

    def body():
        yield b"before "
        sys.exit(3)

    return body()


def exit_process(environ, start_response):
    os._exit(number(environ, "status", 7))


def kill_process(environ, start_response):
    os.kill(os.getpid(), number(environ, "signal", signal.SIGKILL))
    signal.pause()


PATHS = {
    "system-exit": system_exit,
    "keyboard-interrupt": keyboard_interrupt,
    "private": private_exit,
    "in-body": exit_in_body,
    "process": exit_process,
    "kill": kill_process,
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
