# SPDX-License-Identifier: MIT
"""wsgi.errors: point 15 of the PEP 3333 checklist."""

from __future__ import annotations


def test_written_lines_reach_the_log(behaviours):
    behaviours.request("/errors_stream/write")
    behaviours.wait_for_log(r"errors: written$")


def test_writelines(behaviours):
    behaviours.request("/errors_stream/lines")
    behaviours.wait_for_log(r"errors: first$")
    behaviours.wait_for_log(r"errors: second$")


def test_print_to_it(behaviours):
    behaviours.request("/errors_stream/print")
    behaviours.wait_for_log(r"errors: printed 1$")


def test_any_character_is_taken(behaviours):
    """Lone surrogates too: an error message must never raise an error of its own."""
    assert behaviours.request("/errors_stream/odd").status == 200
    line = behaviours.wait_for_log(r"errors: .* end$").group()
    assert "\\udc80" in line
