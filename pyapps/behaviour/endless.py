# SPDX-License-Identifier: MIT
"""Responses without an end: /generator (blocks of ?size=, every ?ms=), /empty (empty blocks, once it has been let
through at ?gate=), /first-then-empty, /write, /write-anyway (which goes on for a while after the first error of
write()). Each notes that it has ended. /patient gives empty blocks for a while, and then one that is not."""

import time

from tools import PLAIN, dispatch, note, number, query, wait_at


def endless(block, pause_s=0.0):
    try:
        while True:
            yield block
            if pause_s:
                time.sleep(pause_s)
    finally:
        note("ended")


def generator(environ, start_response):
    start_response("200 OK", PLAIN)
    return endless(b"x" * number(environ, "size", 1000), number(environ, "ms") / 1000)


def empty(environ, start_response):
    start_response("200 OK", PLAIN)
    wait_at(query(environ).get("gate"))
    return endless(b"", number(environ, "ms") / 1000)


def first_then_empty(environ, start_response):
    start_response("200 OK", PLAIN)

    def body():
        yield b"first"
        yield from endless(b"", number(environ, "ms") / 1000)

    return body()


def write(environ, start_response):
    send = start_response("200 OK", PLAIN)
    try:
        while True:
            send(b"x" * 1000)
    finally:
        note("ended")


def write_anyway(environ, start_response):
    send = start_response("200 OK", PLAIN)
    errors = []
    while len(errors) < 100:
        try:
            send(b"x" * 1000)
        except OSError as error:
            errors.append(type(error).__name__)
    note("ended", errors=sorted(set(errors)))
    return [b"more"]


def patient(environ, start_response):
    """Empty blocks for longer than the server waits before it looks whether the client is still there."""
    start_response("200 OK", PLAIN)

    def body():
        end = time.monotonic() + 1.3
        while time.monotonic() < end:
            yield b""
            time.sleep(0.05)
        yield b"worth waiting for"

    return body()


PATHS = {
    "generator": generator,
    "empty": empty,
    "first-then-empty": first_then_empty,
    "write": write,
    "write-anyway": write_anyway,
    "patient": patient,
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
