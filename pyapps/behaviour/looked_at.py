# SPDX-License-Identifier: MIT
"""Bodies that act while the server looks at them, to learn their length or whether they are files."""

import gc
import io
import sys

from tools import PLAIN, dispatch


class LengthReenters:
    """len() starts the response anew, which it may not."""

    def __init__(self, start_response):
        self.start_response = start_response

    def __len__(self):
        self.start_response("200 OK", [("X-Late", "yes")])

    def __iter__(self):
        return iter([b"one"])


class LengthActs:
    """len() is 1, and does something on the way."""

    def __init__(self, act):
        self.act = act

    def __len__(self):
        self.act()
        return 1

    def __iter__(self):
        return iter([b"one"])


def failing_start_in_length(environ, start_response):
    """The head that was there is gone."""
    start_response("200 OK", PLAIN)
    return LengthActs(lambda: start_response("200 OK", [("bad name", "")], (ValueError, ValueError("again"), None)))


def first_start_in_length(environ, start_response):
    return LengthActs(lambda: start_response("200 OK", PLAIN))


def write_in_length(environ, start_response):
    write = start_response("200 OK", PLAIN)
    return LengthActs(lambda: write(b"written "))


class Shrinks:
    """An iterator that tells how many blocks are left: one, when the first of two is out."""

    def __init__(self):
        self.blocks = [b"last", b"first "]

    def __len__(self):
        return len(self.blocks)

    def __iter__(self):
        return self

    def __next__(self):
        if not self.blocks:
            raise StopIteration
        return self.blocks.pop()


def reentering_length(environ, start_response):
    start_response("200 OK", PLAIN)
    return LengthReenters(start_response)


class Cleaner:
    """In a cycle that nobody holds: the next collection empties the list."""

    def __init__(self, blocks):
        self.blocks = blocks
        self.me = self

    def __del__(self):
        gc.set_threshold(700)
        self.blocks.clear()


def collected_list(environ, start_response):
    start_response("200 OK", PLAIN)
    blocks = [bytes([65 + i]) * 300_000 for i in range(26)]
    gc.disable()
    Cleaner(blocks)
    gc.set_threshold(1)
    gc.enable()
    return blocks


class Reinitialised:
    """A file-like object that replaces itself in its wrapper while it is asked for read()."""

    def __init__(self):
        self.wrapper = None

    def __getattr__(self, name):
        if name == "read" and self.wrapper is not None:
            wrapper, self.wrapper = self.wrapper, None
            wrapper.__init__(Reinitialised())
            gc.collect()
        if name == "read":
            return lambda size: b""
        raise AttributeError(name)


def reinitialised_wrapper(environ, start_response):
    start_response("200 OK", PLAIN)
    wrapper = environ["wsgi.file_wrapper"](Reinitialised())
    wrapper.filelike.wrapper = wrapper
    return wrapper


class InitAgain:
    """A number that uses the wrapper it is an argument of."""

    def __init__(self, wrapper):
        self.wrapper = wrapper

    def __index__(self):
        self.wrapper.__init__(io.BytesIO(b"second"))
        return 4


def initialised_within(environ, start_response):
    """How many references a file that its wrapper has let go has more than one that never had a wrapper."""
    start_response("200 OK", PLAIN)
    first, other = io.BytesIO(b"first"), io.BytesIO(b"other")
    wrapper = environ["wsgi.file_wrapper"](first)
    wrapper.__init__(io.BytesIO(b"third"), InitAgain(wrapper))
    return [b"%d more, " % (sys.getrefcount(first) - sys.getrefcount(other)), *wrapper]


def shrinking(environ, start_response):
    start_response("200 OK", PLAIN)
    return Shrinks()


PATHS = {
    "length": reentering_length,
    "length-fails": failing_start_in_length,
    "length-starts": first_start_in_length,
    "length-writes": write_in_length,
    "length-shrinks": shrinking,
    "collected-list": collected_list,
    "wrapper": reinitialised_wrapper,
    "wrapper-within": initialised_within,
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
