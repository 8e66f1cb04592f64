# SPDX-License-Identifier: MIT
"""Waits at ?gate=, then notes whether the client is still there (clutch.client_disconnected)."""

from tools import note, query, text_reply, wait_at


def application(environ, start_response):
    wait_at(query(environ).get("gate"))
    note("disconnected", value=bool(environ["clutch.client_disconnected"]()))
    return text_reply(start_response, "here")
