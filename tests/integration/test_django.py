# SPDX-License-Identifier: MIT
"""A Django project, unchanged, loaded in the workers and preloaded."""

from __future__ import annotations

import hashlib
import random
import re

import pytest
import requests

from support.server import PYAPPS


@pytest.fixture(scope="module", params=[(), ("--preload",)], ids=["in workers", "preloaded"])
def server(start_module, app_venv, request):
    return start_module(
        "demo.wsgi", "--chdir", PYAPPS / "django_project", "--venv", app_venv, *request.param, workers=2
    )


@pytest.fixture
def session():
    with requests.Session() as made:
        made.trust_env = False
        yield made


def test_template(server, session):
    response = session.get(f"{server.url}/")
    assert response.status_code == 200 and "<h1>Django behind clutch/" in response.text
    assert response.headers["X-Frame-Options"] == "DENY"


def test_json_and_paths(server, session):
    answer = session.get(f"{server.url}/hello/J%C3%BCrgen/?a=1&a=2").json()
    assert answer == {
        "hello": "J\u00fcrgen",
        "query": {"a": ["1", "2"]},
        "path": "/hello/J\u00fcrgen/",
        "secure": False,
        "host": server.url[len("http://") :],
    }


def test_slash_is_appended(server, session):
    response = session.get(f"{server.url}/hello/x")
    assert response.history[0].status_code == 301 and response.url.endswith("/hello/x/")


def test_form_behind_the_csrf_check(server, session):
    page = session.get(f"{server.url}/form/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
    assert session.post(f"{server.url}/form/", data={"name": "x"}).status_code == 403
    response = session.post(f"{server.url}/form/", data={"name": "Ada", "csrfmiddlewaretoken": token})
    assert response.url == f"{server.url}/" and "Thank you, Ada." in response.text


def test_upload_of_3_mib(server, session):
    data = random.Random(4).randbytes(3 << 20)
    answer = session.post(f"{server.url}/upload/", files={"file": ("data.bin", data)}).json()
    assert answer == {
        "name": "data.bin",
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "in_file": True,
    }


def test_small_upload(server, session):
    answer = session.post(f"{server.url}/upload/", files={"file": ("a.txt", b"hello")}).json()
    assert (answer["size"], answer["in_file"]) == (5, False)


def test_streaming_response(server, session):
    with session.get(f"{server.url}/stream/?count=500", stream=True) as response:
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert response.text == "".join(f"line {i}\n" for i in range(500))


def test_file_response(server, session):
    source = (PYAPPS / "django_project" / "demo" / "views.py").read_bytes()
    response = session.get(f"{server.url}/source/")
    assert response.content == source and response.headers["Content-Length"] == str(len(source))


def test_session_in_a_cookie(server, session):
    assert [session.get(f"{server.url}/visits/").json()["visits"] for _ in range(3)] == [1, 2, 3]


def test_errors(server, session):
    assert session.get(f"{server.url}/nothing/").status_code == 404
    assert session.post(f"{server.url}/").status_code in (403, 405)
    assert session.get(f"{server.url}/fail/").status_code == 500
    assert session.get(f"{server.url}/").status_code == 200
