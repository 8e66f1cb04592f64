# SPDX-License-Identifier: MIT
"""Raises at the place that the path names; ?kind= is the exception (RuntimeError by default)."""

import builtins

from tools import PLAIN, dispatch, note, query


def make_error(environ):
    return getattr(builtins, query(environ).get("kind", "RuntimeError"))("raised on purpose")


class Body:
    """An iterable that raises where it is told and notes that it was closed."""

    def __init__(self, error, where):
        self.error = error
        self.where = where
        self.position = 0

    def __iter__(self):
        if self.where == "iter":
            raise self.error
        return self

    def __next__(self):
        self.position += 1
        if (self.where, self.position) in (("first-next", 1), ("mid", 3)):
            raise self.error
        if self.position > 4:
            raise StopIteration
        return b"block "

    def close(self):
        note("closed")
        if self.where == "close":
            raise self.error


class BodyWithLength(Body):
    def __len__(self):
        raise self.error


def at_once(environ, start_response):
    raise make_error(environ)


def after_start(environ, start_response):
    start_response("200 OK", PLAIN + [("X-Lost", "yes"), ("Content-Length", "1000")])
    raise make_error(environ)


def after_write(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"written ")
    raise make_error(environ)


def in_body(where):
    def answer(environ, start_response):
        length = [("Content-Length", "24")] if query(environ).get("length") == "yes" else []
        start_response("200 OK", PLAIN + length)
        return Body(make_error(environ), where)

    return answer


def in_length(environ, start_response):
    start_response("200 OK", PLAIN)
    return BodyWithLength(make_error(environ), "length")


PATHS = {
    "at-once": at_once,
    "after-start": after_start,
    "after-write": after_write,
    "length": in_length,
    "iter": in_body("iter"),
    "first-next": in_body("first-next"),
    "mid": in_body("mid"),
    "close": in_body("close"),
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
