# SPDX-License-Identifier: MIT
"""Servers that run the application of teller.py on a port of their own: clutch, the peers of setup/peers, and nginx in
front of clutch."""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import subprocess
from dataclasses import dataclass, field

from support.output import Output
from support.server import Server, find_binary, make_environment
from support.waiting import LIMIT_S, wait_until

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parents[2]
PEERS = pathlib.Path(os.environ.get("CLUTCH_PEERS_VENV", TREE / "build" / "venv-peers"))

# Everything at 1: one connection at a time is looked at. gunicorn's plain worker knows no keep-alive, so its threads.
PEER_COMMANDS = {
    "gunicorn": ["gunicorn", "--bind", "fd://{fd}", "--worker-class", "gthread", "--threads", "1", "teller:application"],
    "waitress": ["python", "-c", "import socket, waitress, teller; "
                 "waitress.serve(teller.application, sockets=[socket.socket(fileno={fd})], threads=1)"],
    "uwsgi": ["uwsgi", "--http11-socket", "fd://{fd}", "--master", "--need-app", "--module", "teller:application"],
}  # fmt: skip

NGINX_CONF = """\
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    log_format told escape=none '$request_method|$request_uri|$upstream_status';
    access_log {directory}/access.log told;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    client_header_timeout 2s;
    client_body_timeout 2s;
    keepalive_timeout 2s;
    merge_slashes off;
    upstream app {{ server 127.0.0.1:{port}; keepalive 1; }}
    server {{
        listen 127.0.0.1:{own_port};
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_request_buffering {buffering};
            proxy_ignore_client_abort on;
            proxy_next_upstream off;
        }}
    }}
}}
"""


# Connections to clutch are shared by all clients, as much as HAProxy can.
HAPROXY_CONF = """\
global
    log stdout format raw local0
defaults
    mode http
    log global
    timeout connect 20s
    timeout server 20s
    timeout client 20s
    timeout http-request 2s
    timeout http-keep-alive 2s
    http-reuse always
frontend own
    bind fd@{fd}
    log-format "%HM|%HU|%s|%ST"
    default_backend app
backend app
    server clutch 127.0.0.1:{port}
"""
PROGRAM_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"


@dataclass
class Subject:
    """A server to be asked, and what it has executed."""

    name: str
    version: str
    port: int
    file: pathlib.Path
    finish: object
    forwarded: object = None  # of a proxy: a file with a line for each request that it has seen
    seen: dict = field(default_factory=dict)

    def take(self, path: pathlib.Path) -> list[str]:
        """The lines that have come to this file since the last time."""
        data = path.read_bytes() if path.exists() else b""
        start = self.seen.get(path, 0)
        self.seen[path] = len(data)
        return data[start:].decode("utf-8", "backslashreplace").splitlines()

    def executed(self) -> list[str]:
        return self.take(self.file)


def start_clutch(directory: pathlib.Path) -> Subject:
    file = directory / "clutch.txt"
    server = Server(
        "teller:application",
        "--pythonpath",
        str(HERE),
        "--debug-without",
        "log-limit",
        environment={"TELLER_FILE": str(file)},
    ).wait_ready()
    version = subprocess.run([find_binary(), "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    return Subject("clutch", version.rstrip(","), server.port, file, server.finish)


def peer_version(name: str) -> str:
    """The installed version; "" when there is none."""
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    python = PEERS / "bin" / "python"
    if not python.exists():
        return ""
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def stop(process: subprocess.Popen, number: int) -> None:
    process.send_signal(number)
    try:
        process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(LIMIT_S)


def start_peer(name: str, directory: pathlib.Path) -> Subject:
    file = directory / f"{name}.txt"
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        port = listener.getsockname()[1]
        program, *arguments = [word.format(fd=listener.fileno()) for word in PEER_COMMANDS[name]]
        process = subprocess.Popen(
            [PEERS / "bin" / program, *arguments],
            env={**make_environment({"TELLER_FILE": str(file)}), "PYTHONPATH": str(HERE)},
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=directory,
        )
    number = signal.SIGINT if name != "waitress" else signal.SIGTERM
    return Subject(name, peer_version(name), port, file, lambda: stop(process, number))


def nginx_version(program: str) -> str:
    return subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr.split("/")[-1].split()[0]


def start_nginx(program: str, clutch: Subject, directory: pathlib.Path, *, is_buffered: bool) -> Subject:
    """It takes over a socket that listens already, so its port is free for certain and no client comes too early."""
    directory.mkdir()
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    conf = directory / "nginx.conf"
    text = NGINX_CONF.format(
        directory=directory,
        port=clutch.port,
        own_port=listener.getsockname()[1],
        buffering="on" if is_buffered else "off",
    )
    conf.write_text(("user root;\n" if os.geteuid() == 0 else "") + text, encoding="utf-8")
    process = subprocess.Popen(
        [program, "-e", "stderr", "-p", f"{directory}/", "-c", str(conf)],
        env={**os.environ, "NGINX": f"{listener.fileno()};"},
        pass_fds=[listener.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    errors = Output("nginx's errors", process.stderr)

    def finish() -> None:
        stop(process, signal.SIGTERM)
        listener.close()
        errors.wait_end()

    port = listener.getsockname()[1]
    return Subject("nginx", nginx_version(program), port, clutch.file, finish, directory / "access.log")


def haproxy_version(program: str) -> str:
    told = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stdout
    return told.split("version ")[1].split("-")[0].split()[0]


def start_haproxy(program: str, clutch: Subject, directory: pathlib.Path) -> Subject:
    directory.mkdir()
    conf, log = directory / "haproxy.cfg", directory / "access.log"
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener, log.open("wb") as output:
        port = listener.getsockname()[1]
        conf.write_text(HAPROXY_CONF.format(fd=listener.fileno(), port=clutch.port), encoding="utf-8")
        process = subprocess.Popen(
            [program, "-db", "-f", str(conf)],
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
        )
    return Subject(
        "haproxy", haproxy_version(program), port, clutch.file, lambda: stop(process, signal.SIGTERM), log
    )


def wait_lines(subject: Subject, path: pathlib.Path, is_enough) -> list[str]:
    """Lines of the file since the last time, once there are enough."""
    lines: list[str] = []

    def more() -> bool:
        lines.extend(subject.take(path))
        return is_enough(lines)

    wait_until(more, f"{path.name} of {subject.name} to be complete")
    return lines
