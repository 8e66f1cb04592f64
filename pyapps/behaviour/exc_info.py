# SPDX-License-Identifier: MIT
"""Calls start_response a second time: with and without exc_info, before and after the head was sent."""

import sys

from tools import PLAIN, dispatch, note


class Mistake(Exception):
    pass


def raise_and_replace(start_response, status, headers):
    """Replaces the response from inside an exception handler; notes what start_response did."""
    mistake = Mistake("on purpose")
    try:
        raise mistake
    except Mistake:
        try:
            start_response(status, headers, sys.exc_info())
            note("replaced")
        except Mistake as raised:
            depth = 0
            traceback = raised.__traceback__
            while traceback is not None:
                depth, traceback = depth + 1, traceback.tb_next
            note("re-raised", same=raised is mistake, has_traceback=depth > 0)
            raise


def replace_before_send(environ, start_response):
    start_response("200 OK", PLAIN + [("X-First", "yes")])
    raise_and_replace(start_response, "503 Try Later", [("Content-Type", "text/html"), ("X-Second", "yes")])
    return [b"replaced"]


def replace_with_length(environ, start_response):
    start_response("200 OK", PLAIN + [("Content-Length", "3"), ("Date", "yesterday"), ("Server", "first")])
    raise_and_replace(start_response, "500 Oops", PLAIN)
    return [b"longer than three"]


def replace_after_send(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"sent ")
    raise_and_replace(start_response, "500 Oops", PLAIN)
    return [b"never"]


def first_call_with_exc_info(environ, start_response):
    raise_and_replace(start_response, "500 Handled", PLAIN)
    return [b"handled"]


def twice_without(environ, start_response):
    start_response("200 OK", PLAIN)
    try:
        start_response("201 Created", PLAIN)
        note("accepted")
    except Exception as error:
        note("refused", kind=type(error).__name__)
    return [b"first"]


def twice_after_failure(environ, start_response):
    try:
        start_response("200 OK", [("Bad Name", "x")])
    except Exception as error:
        note("first refused", kind=type(error).__name__)
    try:
        start_response("201 Created", PLAIN)
        note("second accepted")
    except Exception as error:
        note("second refused", kind=type(error).__name__)
        raise
    return [b"body"]


def exc_info_none(environ, start_response):
    start_response("200 OK", PLAIN, None)
    return [b"none"]


PATHS = {
    "before": replace_before_send,
    "length": replace_with_length,
    "after": replace_after_send,
    "first": first_call_with_exc_info,
    "twice": twice_without,
    "twice-after-failure": twice_after_failure,
    "none": exc_info_none,
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
