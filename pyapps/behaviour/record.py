# SPDX-License-Identifier: MIT
"""Tells what the other applications noted in this process since the last time, and forgets it."""

from tools import events, json_reply


def application(environ, start_response):
    seen, events[:] = list(events), []
    return json_reply(start_response, seen)
