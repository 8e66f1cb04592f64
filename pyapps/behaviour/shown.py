# SPDX-License-Identifier: MIT
"""Raises exceptions that are hard to show: by their size, their name, or their own methods."""

import gc

from tools import dispatch, number


def raising(make):
    def answer(environ, start_response):
        raise make(environ)

    return answer


class FailingStr(Exception):
    def __str__(self):
        raise KeyError("no text")

    __repr__ = __str__


class StrReturnsNumber(Exception):
    def __str__(self):
        return 7


class Exits(Exception):
    def __str__(self):
        raise SystemExit(9)

    __repr__ = __str__


class Other(Exception):
    pass


def changing_class(environ):
    """Its class is gone by the time that its text is there."""

    def show(self):
        self.__class__ = Other
        gc.collect()
        return "shown"

    return type("".join(["Gone"] * 50), (Exception,), {"__str__": show})()


def with_evil_attributes(environ):
    error = ValueError("outer")

    class Notes:
        def __iter__(self):
            raise RuntimeError("no notes")

    error.__notes__ = Notes()
    error.__cause__ = FailingStr()
    return error


def in_a_circle(environ):
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


def long_chain(environ):
    error = None
    for i in range(number(environ, "count", 3000)):
        later = ValueError(f"link {i}")
        later.__cause__ = error
        error = later
    return error


def surrogates(environ):
    return ValueError("\udc80\ud800 \0 \x1b[31m \n[2026-01-01 00:00:00 +0000] [1] [error] forged")


FORGED = "\n[2026-01-01 00:00:00 +0000] [1] [error] worker 1: forged"


def forged(environ):
    return ValueError("\r\x1b[2K\x9b2K\u202e\u2028" + FORGED)


def forged_notes(environ):
    error = ValueError("with notes" if hasattr(ValueError, "add_note") else FORGED)
    error.__notes__ = [FORGED, "\x1b[2J"]
    return error


def deep(environ):
    def down(depth):
        return down(depth + 1) if depth < 900 else ValueError("from below").with_traceback(None)

    return down(0)


def recursive(environ, start_response):
    return recursive(environ, start_response)


PATHS = {
    "large": raising(lambda environ: ValueError("begin " + "x" * number(environ, "size", 20_000_000) + " end")),
    "many-lines": raising(lambda environ: ValueError("line\n" * 200_000)),
    "failing-str": raising(lambda environ: FailingStr()),
    "number-str": raising(lambda environ: StrReturnsNumber()),
    "exits": raising(lambda environ: Exits()),
    "changing-class": raising(changing_class),
    "name": raising(lambda environ: type("Two\nLines", (Exception,), {})("text")),
    "evil-attributes": raising(with_evil_attributes),
    "circle": raising(in_a_circle),
    "chain": raising(long_chain),
    "surrogates": raising(surrogates),
    "forged": raising(forged),
    "forged-name": raising(lambda environ: type("Name" + FORGED, (Exception,), {})()),
    "forged-notes": raising(forged_notes),
    "deep": raising(deep),
    "recursive": recursive,
    "generator-exit": raising(lambda environ: GeneratorExit()),
    "stop-async": raising(lambda environ: StopAsyncIteration("raised")),
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
