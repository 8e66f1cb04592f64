# SPDX-License-Identifier: MIT
"""Answers without looking at the request body."""

from tools import text_reply


def application(environ, start_response):
    return text_reply(start_response, "ignored")
