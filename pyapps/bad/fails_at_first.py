# SPDX-License-Identifier: MIT
"""Cannot be loaded by the first process that tries (the file $APP_MARK does not exist yet), but by all later ones."""

import os

try:
    os.close(os.open(os.environ["APP_MARK"], os.O_CREAT | os.O_EXCL | os.O_WRONLY))
except FileExistsError:
    pass
else:
    raise RuntimeError("the first import fails")


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"loaded the second time"]
