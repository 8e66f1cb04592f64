# SPDX-License-Identifier: MIT
"""Uses what belongs to a request at the wrong time or from the wrong place: start_response() of a response that has
failed, from close(), from __del__, from other threads; wsgi.input in a thread that outlives its request. What came of
it is noted (record.py)."""

import threading

from tools import PLAIN, dispatch, note, query, text_reply, wait_at


def attempt(what, action):
    """Notes what an action gave, or which exception it raised."""
    try:
        result = action()
    except Exception as error:
        note(what, raised=type(error).__name__, says=str(error))
    else:
        note(what, returned=repr(result)[:40])


class Body:
    """Gives ?blocks, then calls `last` from close() or, without a close(), when it is thrown away."""

    def __init__(self, blocks, last):
        self.blocks = iter(blocks)
        self.last = last

    def __iter__(self):
        return self.blocks


class Closable(Body):
    def close(self):
        self.last()


class Dropped(Body):
    def __del__(self):
        self.last()


def failing_body():
    raise RuntimeError("raised on purpose")
    yield b""


def start_again(kind, begins):
    def answer(environ, start_response):
        def last():
            headers = PLAIN + [("X-Late", "yes"), ("Content-Length", "3")]
            attempt("start_response", lambda: start_response("200 OK", headers))

        if begins:
            start_response("200 OK", PLAIN)
            return kind([b"whole"], lambda: attempt("start_response", lambda: late_head(start_response)))
        return kind(failing_body(), last)

    return answer


def late_head(start_response):
    """With exc_info, which is for what is not sent yet."""
    error = ValueError("of the application")
    return start_response("503 Late", [("X-Late", "yes")], (ValueError, error, None))


def start_in_thread(environ, start_response):
    """PEP 3333 does not say on which thread."""
    thread = threading.Thread(target=start_response, args=("200 OK", PLAIN))
    thread.start()
    thread.join()
    return [b"begun by another thread"]


def write_in_thread(environ, start_response):
    write = start_response("200 OK", PLAIN)
    threads = [threading.Thread(target=lambda: [write(b"w") for _ in range(100)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [b"end"]


def outlive(daemon, use):
    """Starts a thread that waits at ?gate= and then uses what it kept; answers at once."""

    def answer(environ, start_response):
        gate = query(environ)["gate"]
        write = start_response("200 OK", PLAIN)

        def run():
            wait_at(gate)
            use(environ, start_response, write)

        threading.Thread(target=run, daemon=daemon).start()
        return [b"answered"]

    return answer


def use_all(environ, start_response, write):
    attempt("start_response", lambda: start_response("200 OK", []))
    attempt("write", lambda: write(b"late bytes"))
    attempt("read", environ["wsgi.input"].read)
    attempt("readline", environ["wsgi.input"].readline)
    attempt("lines", lambda: list(environ["wsgi.input"]))
    attempt("gone", environ["clutch.client_disconnected"])
    environ["wsgi.errors"].write("said by a thread that outlived its request\n")


def thread_raises(environ, start_response, write):
    raise SystemExit(9) if environ["QUERY_STRING"].endswith("exit") else RuntimeError("raised in a thread")


def read_in_threads(environ, start_response):
    """Several threads read the body at once, and go on while the request ends."""
    begun = threading.Barrier(5)

    def run():
        begun.wait()
        while True:
            try:
                if not environ["wsgi.input"].read(20000):
                    return
            except RuntimeError:
                continue  # another thread is reading
            except ValueError:
                return  # the request is over

    for _ in range(4):
        threading.Thread(target=run, daemon=True).start()
    begun.wait()
    return text_reply(start_response, "answered")


PATHS = {
    "close-after-failure": start_again(Closable, False),
    "del-after-failure": start_again(Dropped, False),
    "close-after-body": start_again(Closable, True),
    "del-after-body": start_again(Dropped, True),
    "start-in-thread": start_in_thread,
    "write-in-threads": write_in_thread,
    "daemon": outlive(True, use_all),
    "thread": outlive(False, use_all),
    "thread-raises": outlive(False, thread_raises),
    "read-in-threads": read_in_threads,
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
