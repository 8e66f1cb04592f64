# SPDX-License-Identifier: MIT
"""The guides for migration have every name of the other servers that clutch knows."""

import re
import subprocess

import pytest
from docs_support.fixtures import binary  # noqa: F401 (a fixture)
from docs_support.pages import ROOT, Page
from docs_support.unrunnable import clutch_help

NAME = re.compile(r'^(?:ALIAS|APP_ALIAS|NO_EFFECT|FOREIGN)\("([\w-]+)"', re.MULTILINE)

# Names of gunicorn's command line, whose settings have others; of several servers, or of neither.
ELSEWHERE = {
    "log-file": "errorlog",
    "log-config": "logconfig",
    "proxy-allow-from": "proxy_allow_ips",
    "limit-request-field_size": "limit_request_field_size",
    "reload-extra-file": "reload_extra_files",
    "name": "proc_name",
    "usage": None,
    "host": None,
    "port": None,
}


def names_on(page):
    return set(re.findall(r"^\| `([\w-]+)` \|", Page(page).text, re.MULTILINE))


def mistakes_in(names, uwsgi, gunicorn):
    """The names that neither page has."""
    return sorted(
        name
        for name in names
        if ELSEWHERE.get(name, name) is not None
        and name not in uwsgi
        and ELSEWHERE.get(name, name).replace("-", "_") not in gunicorn
    )


def test_every_name_of_other_servers_is_on_a_page():
    names = {
        name
        for table in ("options", "foreign")
        for name in NAME.findall((ROOT / f"csrc/config/{table}.def").read_text(encoding="utf-8"))
    }
    assert len(names) > 100
    assert mistakes_in(names, names_on("setup/migration-uwsgi.md"), names_on("setup/migration-gunicorn.md")) == []


def test_a_missing_name_is_found():
    assert mistakes_in({"one", "two-words", "three", "log-file"}, {"one"}, {"two_words", "errorlog"}) == ["three"]


@pytest.mark.parametrize("server", ["uwsgi", "gunicorn"])
def test_what_is_advised_exists(server, binary):
    """Every option that a table names, in its second column or in a sentence."""
    tables = subprocess.run([binary, f"--help=migration-{server}"], capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"--[a-z][a-z0-9-]*", clutch_help()))
    assert sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", tables)) - known) == []
    assert "where this build has" not in tables


def test_the_tables_are_hidden(binary):
    shown = subprocess.run([binary, "--help"], capture_output=True, text=True, check=True).stdout
    assert "migration" not in shown
