# SPDX-License-Identifier: MIT
"""Imports a module that does not exist."""

import no_such_module_anywhere


def application(environ, start_response):
    return [no_such_module_anywhere.body]
