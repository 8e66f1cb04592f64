# SPDX-License-Identifier: MIT
"""Declares ?declared= bytes and hands over ?sent=, in a list (/list), one block at a time (/generator) or by write
(/write)."""

from tools import PLAIN, dispatch, note, number


def declare(environ, start_response):
    return start_response("200 OK", PLAIN + [("Content-Length", str(number(environ, "declared")))])


def in_list(environ, start_response):
    declare(environ, start_response)
    return [b"x" * number(environ, "sent")]


def generate(count):
    for i in range(count):
        note("asked", block=i)
        yield b"x"


def by_generator(environ, start_response):
    declare(environ, start_response)
    return generate(number(environ, "sent"))


def by_write(environ, start_response):
    write = declare(environ, start_response)
    for i in range(number(environ, "sent")):
        try:
            write(b"x")
        except Exception as error:
            note("raised", kind=type(error).__name__, block=i)
            break
    return []


PATHS = {"list": in_list, "generator": by_generator, "write": by_write}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
