# SPDX-License-Identifier: MIT
"""setup/container/nginx.conf with a real nginx and a real clutch: what arrives, what is kept, what is not held back."""

from __future__ import annotations

import re
import subprocess
import sys

from container_support.files import TREE
from container_support.proxy import make_configuration, nginx_command
from support.client import make_chunked, make_request
from support.waiting import Gate

FORGED = [
    ("X-Forwarded-For", "10.1.2.3"),
    ("X-Forwarded-Proto", "https"),
    ("Forwarded", "for=10.1.2.3"),
    ("X-Request-ID", "mine"),
]


def test_nginx_accepts_its_configuration(tmp_path):
    (tmp_path / "nginx.conf").write_text(make_configuration(8080, {"app": 8000, "tasks": 8001}), encoding="utf-8")
    few_files = ["sh", "-c", 'ulimit -Sn 1024; exec "$@"', "sh"]  # what many containers start with
    done = subprocess.run([*few_files, *nginx_command(tmp_path), "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "[warn]" not in done.stderr, done.stderr


def test_what_a_client_claims_is_replaced(start, front):
    nginx = front(start())
    environ = nginx.request("/show_request/", headers=FORGED).json()["environ"]
    assert environ["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
    assert environ["HTTP_X_FORWARDED_PROTO"] == "http"
    assert environ["HTTP_X_FORWARDED_HOST"] == environ["HTTP_HOST"] == "localhost"
    assert "HTTP_FORWARDED" not in environ
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("127.0.0.1", "http")
    assert re.fullmatch("[0-9a-f]{32}", environ["HTTP_X_REQUEST_ID"])
    time = r"\[[\d-]+T[\d:]+[+-][\d:]+\]"
    line = rf'^127\.0\.0\.1 {time} "GET /show_request/ HTTP/1.1" 200 .* id={environ["HTTP_X_REQUEST_ID"]}$'
    nginx.access.wait_for(line)


def test_a_client_of_http_1_0_without_host_is_served(start, front):
    environ = front(start()).request("/show_request/", version="1.0", host=None).json()["environ"]
    assert environ["HTTP_HOST"] == "localhost"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"


def test_connections_to_clutch_are_used_again(start, front):
    nginx = front(start("router", "--forwarded-allow-ips", "none"))  # REMOTE_PORT is nginx's then
    ports = {nginx.request("/show_request/").json()["environ"]["REMOTE_PORT"] for _ in range(10)}
    assert len(ports) == 1, "ten clients, one after the other, and more than one connection to clutch"


def test_paths_lead_to_their_service(start, front):
    app, tasks = start("show_request", "--environ", "service=app"), start("show_request", "--environ", "service=tasks")
    nginx = front(app, tasks)
    seen = {}
    for target in ("/", "/?param=x", "/other", "/tasksmith", "/offloaded?param=x", "/tasks?param=x", "/tasks/1a"):
        environ = nginx.request(target).json()["environ"]
        seen[target] = environ["service"], environ["PATH_INFO"], environ["QUERY_STRING"]
    assert seen == {
        "/": ("app", "/", ""),
        "/?param=x": ("app", "/", "param=x"),
        "/other": ("app", "/other", ""),
        "/tasksmith": ("app", "/tasksmith", ""),
        "/offloaded?param=x": ("tasks", "/", "param=x"),
        "/tasks?param=x": ("tasks", "/tasks", "param=x"),
        "/tasks/1a": ("tasks", "/tasks/1a", ""),
    }


def test_nginx_tells_its_own_health(start, front):
    server = start("show_request", "--access-logfile", "-")
    nginx = front(server)
    assert nginx.request("/nginx-health").status == 204
    assert nginx.request("/last").status == 200
    server.out.wait_for("/last")
    assert server.out.find("nginx-health") is None


def test_large_bodies(start, front):
    nginx = front(start())
    body = bytes(range(256)) * 4096 * 6  # 6 MiB: more than clutch keeps in memory
    assert nginx.request("/echo_body/raw", "POST", body=body).body == body
    with nginx.connect() as connection:
        connection.send(make_request("/echo_body/raw", "POST", headers=[("Transfer-Encoding", "chunked")]))
        connection.send(make_chunked([body[:100000], body[100000:]]))
        assert connection.read_response().body == body


def test_a_body_over_the_limit_is_refused_before_it_is_sent(start, front):
    nginx = front(start())
    with nginx.connect() as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16777217\r\n\r\n")
        assert connection.read_response().status == 413


def test_a_slow_upload_holds_no_application_thread(start, front):
    nginx = front(start(workers=1))
    with nginx.connect() as slow:
        slow.send(make_request("/echo_body/raw", "POST", headers=[("Content-Length", "8")]) + b"1234")
        assert nginx.request("/blocks/list-of-one").body == b"one"
        slow.send(b"5678")
        assert slow.read_response().body == b"12345678"


def test_a_slow_reader_holds_no_application_thread(start, front):
    nginx = front(start(workers=1))
    with nginx.connect() as slow:
        slow.send(make_request("/big_body/generator?size=16777216"))
        slow.read_head()
        assert nginx.request("/blocks/list-of-one").body == b"one"
        size = 0
        while chunk := slow.read_chunk():
            size += len(chunk)
        assert size == 16777216


def test_a_stream_is_not_held_back(start, front, tmp_path):
    gate = Gate(tmp_path)
    nginx = front(start())
    with nginx.connect() as connection:
        connection.send(make_request(f"/stream/?blocks=2&gate={gate.path}"))
        connection.read_head()
        assert connection.read_chunk() == b"aaaa", "the first block, while the application waits before the second"
        gate.open()
        assert connection.read_chunk() == b"bbbb"


def test_twenty_callers(start, front):
    server = start("pyapps/app_main.py", workers=5, environment={"CLUTCH_DEMO_SECONDS": "0.3"})
    nginx = front(server)
    done = subprocess.run(
        [sys.executable, TREE / "pyapps" / "client.py", "--url", nginx.url], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    served = re.findall(r"process (\d+) served", done.stdout)
    assert set(served) == set(map(str, server.worker_pids())), done.stdout
    total_s = float(re.search(r"20 of 20 calls answered in ([\d.]+) s", done.stdout)[1])
    assert total_s >= 4 * 0.3, "five at a time"
