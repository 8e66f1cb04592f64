# SPDX-License-Identifier: MIT
"""An application that is loaded when the test lets it: it waits at the named pipe $GATE."""

import os

with open(os.environ["GATE"], "rb") as gate:
    gate.read()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"loaded\n"]
