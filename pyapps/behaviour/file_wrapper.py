# SPDX-License-Identifier: MIT
"""Returns files through wsgi.file_wrapper. ?file= names the file, ?skip= bytes are read before; the path says how:
/plain, /declared (?length=), /bytesio, /middleware (wrapped again), /text, /no-fileno, /iterate (by hand), /twice-sized."""

import io

from tools import PLAIN, dispatch, json_reply, note, number, query


class NotingFile(io.FileIO):
    """A real file that notes its close()."""

    def close(self):
        if not self.closed:
            note("file closed")
        super().close()


class NoFileno:
    """Something to read from that has no descriptor."""

    def __init__(self, data):
        self.stream = io.BytesIO(data)

    def read(self, size=-1):
        note("read", size=size)
        return self.stream.read(size)

    def close(self):
        note("file closed")


def open_file(environ):
    file = NotingFile(query(environ)["file"])
    file.read(number(environ, "skip"))
    return file


def plain(environ, start_response):
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](open_file(environ))


def declared(environ, start_response):
    start_response("200 OK", PLAIN + [("Content-Length", query(environ)["length"])])
    return environ["wsgi.file_wrapper"](open_file(environ), 1024)


def buffered(environ, start_response):
    """A buffered file: its descriptor stands further on than what was read from it."""
    start_response("200 OK", PLAIN)
    file = open(query(environ)["file"], "rb")
    file.read(number(environ, "skip"))
    return environ["wsgi.file_wrapper"](file)


def bytesio(environ, start_response):
    stream = io.BytesIO(b"in memory " * 1000)
    stream.read(number(environ, "skip"))
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](stream, 512)


def through_middleware(environ, start_response):
    wrapped = plain(environ, start_response)

    def upper():
        try:
            for block in wrapped:
                yield block.upper()
        finally:
            wrapped.close()
    return upper()


def no_fileno(environ, start_response):
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](NoFileno(b"y" * 20000), 4096)


def iterate(environ, start_response):
    """Uses the wrapper as an iterable itself, as the checklist says it must be usable."""
    wrapper = environ["wsgi.file_wrapper"](io.BytesIO(b"z" * 10), 4)
    blocks = [block.decode() for block in wrapper]
    wrapper.close()
    return json_reply(start_response, blocks)


def unused(environ, start_response):
    """Makes a wrapper and returns something else: nothing of the file may be sent."""
    environ["wsgi.file_wrapper"](open_file(environ)).close()
    start_response("200 OK", PLAIN)
    return [b"something else"]


PATHS = {
    "plain": plain,
    "declared": declared,
    "buffered": buffered,
    "bytesio": bytesio,
    "middleware": through_middleware,
    "no-fileno": no_fileno,
    "iterate": iterate,
    "unused": unused,
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
