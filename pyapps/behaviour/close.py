# SPDX-License-Identifier: MIT
"""Returns iterables that note every close(): /list-like, /generator, /separate-iterator, /declared, /empty,
/not-modified, /lingering and /lingering-empty (close() waits at ?gate=), /many (?blocks= of ?size=, ?gate= is waited at
before the second)."""

from tools import PLAIN, dispatch, note, number, query, wait_at


class Counted:
    """Closable; its iterator is another object with a close() that must not be called."""

    def __init__(self, blocks):
        self.blocks = blocks

    def __iter__(self):
        return Iterator(iter(self.blocks))

    def close(self):
        note("closed")


class Iterator:
    def __init__(self, blocks):
        self.blocks = blocks

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.blocks)

    def close(self):
        note("iterator closed")


class Lingering(Counted):
    """close() waits at a gate."""

    def __init__(self, blocks, gate):
        super().__init__(blocks)
        self.gate = gate

    def close(self):
        wait_at(self.gate)
        note("closed")


class ClosableList(list):
    def close(self):
        note("closed")


def generate(blocks):
    try:
        yield from blocks
    finally:
        note("closed")


def many_blocks(environ):
    gate = query(environ).get("gate")
    for i in range(number(environ, "blocks", 2)):
        if i == 1:
            wait_at(gate)
        yield b"x" * number(environ, "size", 10)


def make(status, headers, body):
    def answer(environ, start_response):
        start_response(status, PLAIN + headers)
        return body(environ)

    return answer


PATHS = {
    "list-like": make("200 OK", [], lambda environ: ClosableList([b"listed"])),
    "generator": make("200 OK", [], lambda environ: generate([b"one ", b"two"])),
    "separate-iterator": make("200 OK", [], lambda environ: Counted([b"one ", b"two"])),
    "declared": make("200 OK", [("Content-Length", "4")], lambda environ: Counted([b"1234", b"5678", b"9"])),
    "lingering": make("200 OK", [("Content-Length", "4")], lambda environ: Lingering([b"1234"], query(environ)["gate"])),
    "lingering-empty": make("200 OK", [], lambda environ: Lingering([], query(environ)["gate"])),
    "empty": make("200 OK", [], lambda environ: Counted([])),
    "not-modified": make("304 Not Modified", [], lambda environ: Counted([b"never sent"])),
    "many": make("200 OK", [], lambda environ: Counted(many_blocks(environ))),
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
