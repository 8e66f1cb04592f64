# SPDX-License-Identifier: MIT
"""Waits at the named pipe $APP_GATE while it is imported."""

import os

print("import waits")
with open(os.environ["APP_GATE"], "rb") as gate:
    gate.read(1)
print("import goes on")


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"loaded at last"]
