# SPDX-License-Identifier: MIT
"""Crashes its process in C, as the path says. /extension calls crash() of the module `crasher`, if there is one on the
path. Any other path is answered with the process id."""

import ctypes
import os
import resource
import signal
import threading

from tools import query, text_reply, wait_at


def read_nothing():
    ctypes.string_at(0)


def call_nothing():
    ctypes.CFUNCTYPE(None)(1)()


def crash_in_thread():
    thread = threading.Thread(target=read_nothing)
    thread.start()
    thread.join()


def fatal_error():
    ctypes.pythonapi.Py_FatalError(b"of the application")


def cpu_limit():
    resource.setrlimit(resource.RLIMIT_CPU, (0, 1))
    while True:
        pass


def extension():
    import crasher

    crasher.crash()


CRASHES = {
    "read": read_nothing,
    "call": call_nothing,
    "thread": crash_in_thread,
    "abort": os.abort,
    "exit": lambda: os._exit(77),
    "fatal": fatal_error,
    "cpu": cpu_limit,
    "alarm": lambda: (signal.alarm(1), signal.pause()),
    "extension": extension,
}


def application(environ, start_response):
    crash = CRASHES.get(environ["PATH_INFO"].strip("/"))
    wait_at(query(environ).get("gate"))
    if crash:
        crash()
    return text_reply(start_response, str(os.getpid()))
