# SPDX-License-Identifier: MIT
"""Returns bodies of the usual and the unusual shapes; the path names which."""

from tools import PLAIN, dispatch


def make(value):
    def answer(environ, start_response):
        start_response("200 OK", PLAIN)
        return value() if callable(value) else value

    return answer


class Sized:
    """An iterable with a length that is neither list nor tuple."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        return iter(self.items)


class ListOfMany(list):
    """A subclass of list that yields other things than it holds: only its __iter__ tells the truth."""

    def __iter__(self):
        return iter([b"from ", b"__iter__"])


def bytes_items():
    yield from (b"one ", b"two ", b"three")


PATHS = {
    "list-of-one": make([b"one"]),
    "list-of-three": make([b"one ", b"two ", b"three"]),
    "tuple": make((b"one ", b"two")),
    "empty-list": make([]),
    "list-of-empty": make([b""]),
    "empty-generator": make(lambda: iter(())),
    "generator": make(bytes_items),
    "empty-blocks": make(lambda: iter([b"", b"one ", b"", b"", b"two", b""])),
    "only-empty-blocks": make(lambda: iter([b"", b"", b""])),
    "empty-in-list": make([b"", b"one ", b"", b"two", b""]),
    "sized-one": make(lambda: Sized([b"one"])),
    "sized-three": make(lambda: Sized([b"one ", b"two ", b"three"])),
    "list-subclass": make(lambda: ListOfMany([b"not", b"this"])),
    "bytes": make(b"whole result"),
    "bytes-subclass": make(lambda: iter([type("Bytes", (bytes,), {})(b"sub")])),
    "str": make(["text"]),
    "str-result": make("text"),
    "str-later": make(lambda: iter([b"first ", "text"])),
    "bytearray": make([bytearray(b"array")]),
    "memoryview": make([memoryview(b"view")]),
    "int": make([1]),
    "none-item": make([None]),
    "none": make(None),
    "number": make(7),
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
