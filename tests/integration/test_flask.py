# SPDX-License-Identifier: MIT
"""A Flask application, unchanged."""

from __future__ import annotations

import hashlib
import random

import pytest
import requests

from support.server import PYAPPS


@pytest.fixture(scope="module")
def server(start_module, app_venv):
    return start_module("flask_app:app", "--chdir", PYAPPS, "--venv", app_venv, workers=2)


@pytest.fixture
def session():
    with requests.Session() as made:
        made.trust_env = False
        yield made


def test_page(server, session):
    response = session.get(f"{server.url}/")
    assert response.status_code == 200 and "Flask behind clutch/" in response.text
    assert response.headers["Content-Type"].startswith("text/html")


def test_json_and_paths(server, session):
    response = session.get(f"{server.url}/hello/J%C3%BCrgen?a=1&b=%20", headers={"User-Agent": "agent"})
    assert response.json() == {"hello": "J\u00fcrgen", "query": {"a": "1", "b": " "}, "agent": "agent"}
    assert session.post(f"{server.url}/json", json={"x": [1, 2]}).json() == {"x": [1, 2]}


def test_form(server, session):
    assert session.post(f"{server.url}/form", data={"a": ["1", "2"], "b": "\u20ac"}).json() == {
        "a": ["1", "2"],
        "b": ["\u20ac"],
    }


def test_upload_of_3_mib(server, session):
    """More than the memory limit of a body: it passes through a temporary file."""
    data = random.Random(3).randbytes(3 << 20)
    answer = session.post(f"{server.url}/upload", files={"file": ("data.bin", data)}).json()
    assert answer == {"name": "data.bin", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_chunked_upload(server, session):
    response = session.post(
        f"{server.url}/json", data=iter([b'{"x": [', b"1]", b"}"]), headers={"Content-Type": "application/json"}
    )
    assert response.json() == {"x": [1]}


def test_stream(server, session):
    with session.get(f"{server.url}/stream?count=1000", stream=True) as response:
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert [line.decode() for line in response.iter_lines()] == [f"line {i}" for i in range(1000)]


def test_session_in_a_cookie(server, session):
    assert [session.get(f"{server.url}/visits").json()["visits"] for _ in range(3)] == [1, 2, 3]


def test_redirect(server, session):
    response = session.get(f"{server.url}/old")
    assert response.url == f"{server.url}/" and response.history[0].status_code == 302


def test_file(server, session):
    response = session.get(f"{server.url}/static-file")
    assert response.content == (PYAPPS / "flask_app.py").read_bytes()
    ranged = session.get(f"{server.url}/static-file", headers={"Range": "bytes=10-19"})
    assert (ranged.status_code, ranged.content) in ((206, response.content[10:20]), (200, response.content))
    again = session.get(f"{server.url}/static-file", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_errors(server, session):
    assert session.get(f"{server.url}/nothing").status_code == 404
    assert session.delete(f"{server.url}/form").status_code == 405
    assert session.get(f"{server.url}/fail").status_code == 500
    server.wait_for_log("RuntimeError: a view raised on purpose")
    assert session.get(f"{server.url}/").status_code == 200


def test_head(server, session):
    assert session.head(f"{server.url}/").status_code == 200
