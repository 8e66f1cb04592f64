# SPDX-License-Identifier: MIT
"""Returns an iterable that notes every attribute the server asks it for."""

from tools import PLAIN, note


class Watched:
    def __init__(self):
        self.__dict__["blocks"] = iter([b"one ", b"two"])

    def __getattribute__(self, name):
        if name not in ("__dict__", "__class__"):
            note("touched", name=name)
        return object.__getattribute__(self, name)

    def __iter__(self):
        return self

    def __next__(self):
        return next(object.__getattribute__(self, "blocks"))


def application(environ, start_response):
    start_response("200 OK", PLAIN)
    return Watched()
