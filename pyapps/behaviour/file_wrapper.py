# SPDX-License-Identifier: MIT
"""Returns files through wsgi.file_wrapper. ?file= names the file, ?skip= bytes are read before; the path says how:
/plain, /declared (?length=), /buffered, /edited, /own-read, /decorated, /gated-close (at ?gate=), /bytesio, /middleware (wrapped again),
/no-fileno, /iterate (by hand), /unused. /opened tells whether the files were closed."""

import functools
import io

from tools import PLAIN, dispatch, json_reply, note, number, query, wait_at

# Files of requests since /opened was last asked: only exact types are sent by descriptor, so they cannot note their own
# close().
opened = []


class UpperFile(io.FileIO):
    """A file that changes what it reads: its descriptor does not tell the truth."""

    def read(self, size=-1):
        return super().read(size).upper()


class NoFileno:
    """Something to read from that has no descriptor."""

    def __init__(self, data):
        self.stream = io.BytesIO(data)

    def read(self, size=-1):
        note("read", size=size)
        return self.stream.read(size)

    def close(self):
        note("file closed")


def open_file(environ, opener=io.FileIO):
    file = opener(query(environ)["file"])
    opened.append(file)
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
    return environ["wsgi.file_wrapper"](open_file(environ, lambda path: open(path, "rb")))


def edited(environ, start_response):
    """A file changed through the buffer that it is read through: its descriptor does not know yet."""
    start_response("200 OK", PLAIN)
    file = open_file(environ, lambda path: open(path, "r+b"))
    file.read(1)
    file.write(b"new")
    file.seek(0)
    return environ["wsgi.file_wrapper"](file)


def own_read(environ, start_response):
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](open_file(environ, UpperFile))


class Decorated:
    """A read() that claims, as decorators do, to be the file's, but gives something else."""

    def __init__(self, file):
        @functools.wraps(file.read)
        def read(size=-1):
            return file.read(size).upper()

        self.read = read
        self.close = file.close


def decorated(environ, start_response):
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](Decorated(open_file(environ)))


class GatedClose:
    """A file whose close() takes its time."""

    def __init__(self, file, gate):
        self.file, self.gate, self.read = file, gate, file.read

    def close(self):
        wait_at(self.gate)
        self.file.close()


def gated_close(environ, start_response):
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](GatedClose(open_file(environ), query(environ)["gate"]))


def tell_opened(environ, start_response):
    """Whether each file is closed by now."""
    closed = [file.closed for file in opened]
    opened.clear()
    return json_reply(start_response, closed)


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
    "edited": edited,
    "own-read": own_read,
    "decorated": decorated,
    "gated-close": gated_close,
    "opened": tell_opened,
    "bytesio": bytesio,
    "middleware": through_middleware,
    "no-fileno": no_fileno,
    "iterate": iterate,
    "unused": unused,
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
