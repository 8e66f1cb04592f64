# SPDX-License-Identifier: MIT
"""Hands over objects whose own methods raise, re-enter, or change what they belong to while it is being looked at."""

import gc

import looked_at
from tools import PLAIN, dispatch, query


class Evil:
    """Raises in whatever is asked of it."""

    def fail(self, *arguments):
        raise RuntimeError("evil method")

    __len__ = __eq__ = __ne__ = __bool__ = __contains__ = __getitem__ = __repr__ = __str__ = __index__ = fail
    __hash__ = __format__ = __call__ = fail


class EvilBytes(Evil, bytes):
    __iter__ = Evil.fail


class EvilStr(Evil, str):
    __iter__ = Evil.fail


class EvilList(Evil, list):
    def __iter__(self):
        yield b"from __iter__"


class EvilTuple(Evil, tuple):
    __iter__ = Evil.fail


class EvilIterable(Evil):
    def __iter__(self):
        return iter([b"from ", b"__iter__"])


# Header lists.


class Clears(str):
    """A value that empties the list it stands in when it is shown."""

    def __repr__(self):
        self.home.clear()
        gc.collect()
        return "cleared"


def clearing_name(environ, start_response):
    """A good name before a bad value."""
    headers = []
    headers.append((clears(headers), "\n" + "v" * 5000))
    start_response("200 OK", headers)
    return [b"never"]


def clears(home):
    name = Clears("X-Name")
    name.home = home
    return name


def fleeting():
    """An object whose class, and the name of it, go with it."""
    return type("".join(["Gone"] * 100), (), {})()


class ClearsEntry:
    """An entry of the header list that is no pair, or half of one."""

    def __init__(self, home):
        self.home = home

    def __repr__(self):
        self.home.clear()
        gc.collect()
        return "cleared"


def clearing_entry(environ, start_response):
    headers = []
    headers.append(ClearsEntry(headers))
    start_response("200 OK", headers)
    return [b"never"]


def clearing_pair(make_name):
    def answer(environ, start_response):
        headers = []
        headers.append((make_name(headers), fleeting()))
        start_response("200 OK", headers)
        return [b"never"]

    return answer


class StartsAgain:
    def __init__(self, start_response):
        self.start_response = start_response

    def __repr__(self):
        self.start_response("200 OK", PLAIN)
        return "started"


def starting_entry(environ, start_response):
    start_response("200 OK", [StartsAgain(start_response)])
    return [b"never"]


def evil_pair(environ, start_response):
    start_response(EvilStr("200 OK"), [EvilTuple((EvilStr("X-Evil"), EvilStr("yes")))])
    return [EvilBytes(b"evil bytes")]


def evil_status(environ, start_response):
    start_response(EvilStr("\n"), PLAIN)
    return [b"never"]


def exc_info(make):
    def answer(environ, start_response):
        write = start_response("200 OK", PLAIN)
        write(b"sent ")
        start_response("500 No", PLAIN, make())
        return [b"never"]

    return answer


class Unmade(Exception):
    def __init__(self, *arguments):
        raise KeyError("cannot be made")


class Otherwise(Exception):
    def __new__(cls, *arguments):
        return 7


# Bodies.


def body(make):
    def answer(environ, start_response):
        start_response("200 OK", PLAIN)
        return make()

    return answer


class ChangesType:
    """An iterator that becomes something else under the hands of whoever asks it."""

    def __init__(self, other):
        self.other = other

    def __iter__(self):
        return self

    def __next__(self):
        self.__class__ = self.other
        return b"first "


class NoIterator:
    pass


class Endless:
    def __init__(self):
        self.left = 2

    def __next__(self):
        self.left = self.__dict__.get("left", 2) - 1
        if self.left < 0:
            raise StopIteration
        return b"more "


class NextDeleted:
    def __iter__(self):
        return self

    def __next__(self):
        try:
            del NextDeleted.__next__
        except AttributeError:
            pass
        return b"first "


def iterable_of(item):
    return lambda: iter([b"first ", item])


class IterReturns:
    def __init__(self, value):
        self.value = value

    def __iter__(self):
        return self.value


# close().


class Closing:
    def __init__(self, blocks, close):
        self.blocks = blocks
        if close is not None:
            self.close = close

    def __iter__(self):
        return iter(self.blocks)


class CloseAttributeRaises(Closing):
    @property
    def close(self):
        raise RuntimeError("close cannot be had")


def closing(make):
    def answer(environ, start_response):
        start_response("200 OK", PLAIN)
        return make(start_response)

    return answer


def raise_error(error):
    def close():
        raise error

    return close


class RaisesInDel:
    def __init__(self, blocks):
        self.blocks = iter(blocks)

    def __iter__(self):
        return self.blocks

    def __del__(self):
        raise RuntimeError("raised in __del__")


# environ.


def mutated_environ(environ, start_response):
    environ.clear()
    environ.update({1: 2, None: environ, b"bytes": b"bytes", "self": environ, ("a",): [environ], "wsgi.input": None})
    environ[EvilKey()] = Evil()
    start_response("200 OK", PLAIN)
    return [b"mutated"]


class EvilKey:
    def __hash__(self):
        return 12345

    def __eq__(self, other):
        raise RuntimeError("evil key")


def huge_fields(environ, start_response):
    size, count = int(query(environ).get("size", 10)), int(query(environ).get("count", 1))
    start_response("200 OK", [(f"X-{i}", "v" * size) for i in range(count)])
    return [b"huge"]


class EvilInt(Evil, int):
    pass


def start_with(status, headers):
    def answer(environ, start_response):
        start_response(status, headers)
        return [b"never"]

    return answer


def evil_write(environ, start_response):
    write = start_response(EvilStr("200 OK"), [EvilTuple((EvilStr("X-Evil"), EvilStr("text")))])
    write(EvilBytes(b"written "))
    return EvilList()


def evil_exc_info(environ, start_response):
    """The first head, which has not been sent, is taken back."""
    start_response("200 OK", PLAIN)
    start_response("200 OK", PLAIN, EvilTuple((ValueError, ValueError("again"), None)))
    return [b"second"]


def itself():
    """A generator that gives and returns itself."""
    yield b"first "
    yield b""
    return generator[0]


generator = []


def generator_of_itself(environ, start_response):
    start_response("200 OK", PLAIN)
    generator[:] = [itself()]
    return generator[0]


class Resurrects(list):
    """A body that is there again when it has gone."""

    def __del__(self):
        generator[:] = [self]


PATHS = {
    "headers": start_with("200 OK", EvilList([("X-Evil", "text")])),
    "headers-tuple": start_with("200 OK", (("X-Evil", "text"),)),
    "headers-none": start_with("200 OK", None),
    "status-int": start_with(EvilInt(200), []),
    "status-bytes": start_with(EvilBytes(b"200 OK"), []),
    "value-int": start_with("200 OK", [("Content-Length", EvilInt(5))]),
    "name-bytes": start_with("200 OK", [(EvilBytes(b"X-Evil"), "text")]),
    "write": evil_write,
    "exc-info": evil_exc_info,
    "generator": generator_of_itself,
    "tuple": body(lambda: EvilTuple((b"not", b"this"))),
    "resurrects": body(lambda: Resurrects([b"one ", b"two"])),
    "clearing-entry": clearing_entry,
    "clearing-name": clearing_name,
    "clearing-pair": clearing_pair(ClearsEntry),
    "clearing-half": clearing_pair(clears),
    "starting-entry": starting_entry,
    "pair": evil_pair,
    "status": evil_status,
    "exc-unmade": exc_info(lambda: (Unmade, None, None)),
    "exc-otherwise": exc_info(lambda: (Otherwise, None, None)),
    "exc-mismatch": exc_info(lambda: (ValueError, KeyError("other"), None)),
    "exc-value": exc_info(lambda: (ValueError, Evil(), None)),
    "exc-types": exc_info(lambda: (7, 8, 9)),
    "exc-type": exc_info(lambda: (7, RuntimeError(), None)),
    "list": body(lambda: EvilList([b"not", b"this"])),
    "iterable": body(EvilIterable),
    "to-no-iterator": body(lambda: ChangesType(NoIterator)),
    "to-endless": body(lambda: ChangesType(Endless)),
    "next-deleted": body(NextDeleted),
    "then-none": body(iterable_of(None)),
    "then-int": body(iterable_of(7)),
    "then-dict": body(iterable_of({})),
    "then-evil": body(iterable_of(Evil())),
    "then-str": body(iterable_of(EvilStr("text"))),
    "dict": body(lambda: {b"key ": 1, b"keys": 2}),
    "class": body(lambda: EvilIterable),
    "iter-none": body(lambda: IterReturns(None)),
    "iter-itself": body(lambda: IterReturns(IterReturns(None))),
    "bytes": body(lambda: EvilBytes(b"evil bytes")),
    "close-raises": closing(lambda _: Closing([b"whole"], raise_error(RuntimeError("raised in close")))),
    "close-exits": closing(lambda _: Closing([b"whole"], raise_error(SystemExit(3)))),
    "close-uncallable": closing(lambda _: Closing([b"whole"], 7)),
    "close-none": closing(lambda _: Closing([b"whole"], None)),
    "close-attribute": closing(lambda _: CloseAttributeRaises([b"whole"], None)),
    "close-starts": closing(lambda start: Closing([b"whole"], lambda: start("500 Late", PLAIN))),
    "del-raises": closing(lambda _: RaisesInDel([b"whole"])),
    "environ": mutated_environ,
    "huge-fields": huge_fields,
    **looked_at.PATHS,
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
