# SPDX-License-Identifier: MIT
"""Raises while it is imported, two calls deep."""


def connect(name):
    raise ConnectionError(f"no such database: {name}")


def set_up():
    connect("orders")


set_up()


def application(environ, start_response):
    raise AssertionError("never called")
