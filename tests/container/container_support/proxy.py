# SPDX-License-Identifier: MIT
"""A real nginx with setup/container/nginx.conf, on loopback in front of servers of the test."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import socket
import subprocess
from typing import Dict

from container_support.files import NGINX_CONF
from support.client import Connection, Response
from support.output import Output
from support.waiting import LIMIT_S

PORT = {"app": "server app:8000;", "tasks": "server tasks:8000;"}


def find_nginx() -> str:
    """Returns the program; raises FileNotFoundError with what to do."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if program is None:
        raise FileNotFoundError("nginx is not installed: run `setup/dependencies test` (Debian's package nginx)")
    return program


def replace_once(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{NGINX_CONF.name} has {old!r} {text.count(old)} times; expected once"
    return text.replace(old, new)


def make_configuration(port: int, upstreams: Dict[str, int]) -> str:
    """Returns nginx.conf with addresses on loopback, and nothing else changed."""
    text = replace_once(NGINX_CONF.read_text(encoding="utf-8"), "listen 8080;", f"listen 127.0.0.1:{port};")
    for name, line in PORT.items():
        text = replace_once(text, line, f"server 127.0.0.1:{upstreams[name]};")
    return text


def nginx_command(directory: pathlib.Path) -> list:
    """As in nginx.Dockerfile. When root runs it, its workers must be root to write to the test's directory."""
    command = [find_nginx(), "-e", "stderr", "-p", f"{directory}/", "-c", str(directory / "nginx.conf")]
    return command + (["-g", "user root;"] if os.geteuid() == 0 else [])


class Nginx:
    """Starts it; `upstreams` are the ports of the services. It takes over a socket that listens already, so its port is free for
    certain and no client comes too early."""

    def __init__(self, directory: pathlib.Path, upstreams: Dict[str, int]):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        (directory / "nginx.conf").write_text(make_configuration(self.port, upstreams), encoding="utf-8")
        self.process = subprocess.Popen(
            nginx_command(directory),
            env={**os.environ, "NGINX": f"{self.listener.fileno()};"},
            pass_fds=[self.listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.access = Output("nginx's access log", self.process.stdout)
        self.errors = Output("nginx's errors", self.process.stderr)
        self.connections = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> Connection:
        connection = Connection(socket.AF_INET, ("127.0.0.1", self.port))
        self.connections.append(connection)
        return connection

    def request(self, target: str = "/", method: str = "GET", **options) -> Response:
        """Makes one request on a connection of its own."""
        with self.connect() as connection:
            return connection.request(target, method, **options)

    def finish(self) -> None:
        """Stops it as `docker stop` does (SIGQUIT), and checks that it found nothing grave and kept nothing in files."""
        for connection in self.connections:
            connection.close()
        self.process.send_signal(signal.SIGQUIT)
        try:
            status = self.process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            status = self.process.wait(LIMIT_S)
            raise AssertionError(f"nginx did not stop; its errors:\n{self.errors.text}") from None
        finally:
            self.listener.close()
        self.errors.wait_end()
        grave = self.errors.find_all(r"\[(alert|emerg|crit|warn)\].*")
        assert status == 0 and not grave, f"nginx ended with status {status}; its errors:\n{self.errors.text}"
