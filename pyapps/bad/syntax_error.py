# SPDX-License-Identifier: MIT
"""Is not Python."""

def application(environ, start_response)
    return []
