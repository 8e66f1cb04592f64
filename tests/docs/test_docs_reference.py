# SPDX-License-Identifier: MIT
"""What the reference lists is all there is."""

import re

from docs_support.pages import ROOT, Page

FIELD = re.compile(r'^    \{"(\w+)", ', re.MULTILINE)


def fields_of(table):
    """The names in a table of fields of csrc/http/access_log_fields.c."""
    source = (ROOT / "csrc/http/access_log_fields.c").read_text(encoding="utf-8")
    return set(FIELD.findall(source.split(f"access_field {table}[] = {{")[1].split("};")[0]))


def test_reference_has_every_field_of_the_access_log():
    text = Page("README.md").text
    assert set(re.findall(r"`%\((\w+)\)s`", text)) == fields_of("plain_fields")
    assert set(re.findall(r"`%\(\{\w+\}(\w)\)s`", text)) == fields_of("braced_fields")
