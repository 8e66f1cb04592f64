# SPDX-License-Identifier: MIT
"""Forks, and answers with how the child ended: the child comes back from the application as the path says, by /exit
(sys.exit with ?status=, after a line that ends with ?to=), /return, /error, or, out of a generator, by /body-exit and
/body-error."""

import os
import select
import signal
import sys

from tools import PLAIN, dispatch, number, query, text_reply

PATIENCE_SECONDS = 60


def wait_for(child):
    """How the child ended, as text; one that does not end is killed."""
    process = os.pidfd_open(child)
    has_ended = select.select([process], [], [], PATIENCE_SECONDS)[0]
    os.close(process)
    if not has_ended:
        os.kill(child, signal.SIGKILL)
    return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def exits(environ, start_response):
    child = os.fork()
    if child == 0:
        sys.stdout.buffer.write(f"child says goodbye{query(environ).get('to', '')}\n".encode())
        sys.exit(number(environ, "status"))
    return text_reply(start_response, wait_for(child))


def returns(environ, start_response):
    child = os.fork()
    if child == 0:
        return text_reply(start_response, "the child answers")
    return text_reply(start_response, wait_for(child))


def fails(environ, start_response):
    child = os.fork()
    if child == 0:
        raise RuntimeError("raised in the child")
    return text_reply(start_response, wait_for(child))


def in_body(error):
    def answer(environ, start_response):
        start_response("200 OK", PLAIN)

        def body():
            child = os.fork()
            if child == 0:
                raise error
            yield wait_for(child).encode()

        return body()

    return answer


PATHS = {
    "exit": exits,
    "return": returns,
    "error": fails,
    "body-exit": in_body(SystemExit(5)),
    "body-error": in_body(RuntimeError("raised in the child")),
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
