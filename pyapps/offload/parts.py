# SPDX-License-Identifier: MIT
"""The three parts of offloading as child processes: Redis, a Celery worker, clutch. Only the standard library is needed here; Celery
and the application run on the Python of a virtual environment that has requirements.txt."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import sys
from typing import Dict, Optional, Sequence, Tuple

from compare.server import Server, Sign, free_port

PYAPPS = pathlib.Path(__file__).resolve().parents[1]
ROOT = PYAPPS.parent
VENV = ROOT / "build" / "venv-offload"
CLUTCH = ROOT / "build" / "release" / "clutch"

Environment = Dict[str, str]


class Missing(Exception):
    """Something is not installed; the message says what to do."""


def find_redis() -> str:
    """Returns the path of redis-server; raises Missing."""
    path = shutil.which("redis-server", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/bin")
    if path is None:
        raise Missing("redis-server is missing; install it: apt-get install redis-server, or setup/dependencies offload")
    return path


def find_python(venv: pathlib.Path = VENV) -> str:
    """Returns the Python of a virtual environment that has Celery; raises Missing."""
    python = pathlib.Path(venv) / "bin" / "python"
    if not (python.exists() and (python.parent / "celery").exists()):
        raise Missing(f"Celery is missing in {venv}; install it: setup/offload --install")
    return str(python)


def answers_ping(server: Server) -> bool:
    """Whether a Redis that needs no password has loaded its data and serves."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=1.0) as client:
            client.sendall(b"PING\r\n")
            return client.recv(64) == b"+PONG\r\n"
    except OSError:
        return False


def make_redis(directory: pathlib.Path, port: Optional[int] = None) -> Server:
    """A Redis of our own, on the loopback interface, that keeps its data in `directory`.

    Every change is on the disk before it is answered (appendfsync always): a job that was accepted stays accepted, whatever happens
    to Redis or to the machine. It costs an fsync for some commands together; jobs that are worth a queue take longer than that."""
    data = pathlib.Path(directory) / "redis"
    data.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    options = {
        "bind": "127.0.0.1",
        "port": port,
        "dir": data,
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "daemonize": "no",
        "maxmemory-policy": "noeviction",
    }
    command = [find_redis()]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    return Server(command, port, pathlib.Path(directory) / "redis.log", ready=answers_ping, limit_s=30.0)


def make_environment(redis: Server, extra: Optional[Environment] = None) -> Environment:
    """What Celery and the application must be told alike."""
    path = os.pathsep.join([str(PYAPPS), *filter(None, [(extra or {}).get("PYTHONPATH")])])
    return {
        "OFFLOAD_REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
        "PYTHONUNBUFFERED": "1",
        **(extra or {}),
        "PYTHONPATH": path,
    }


def make_celery(
    directory: pathlib.Path,
    environment: Environment,
    concurrency: int,
    python: str = sys.executable,
    app: str = "offload.tasks",
    name: str = "celery",
) -> Server:
    command = [python, "-m", "celery", "--app", app, "worker", "--concurrency", str(concurrency)]
    command += ["--loglevel", "INFO", "--hostname", f"{name}-{os.getpid()}@%h", "--without-gossip", "--without-mingle"]
    return Server(command, 0, pathlib.Path(directory) / f"{name}.log", Sign(r"@\S+ ready\.", 1), environment)


def make_clutch(
    directory: pathlib.Path,
    environment: Environment,
    workers: int,
    options: Sequence[str] = (),
    clutch: "os.PathLike[str] | str" = CLUTCH,
    venv: "os.PathLike[str] | str" = VENV,
    bind: Optional[str] = None,
    app: str = "offload.app",
) -> Server:
    """clutch with the web application."""
    port = free_port() if bind is None else 0
    command = [str(clutch), "--bind", bind or f"127.0.0.1:{port}", "--workers", str(workers), "--venv", str(venv)]
    command += ["--pythonpath", str(PYAPPS), *options, app]
    return Server(command, port, pathlib.Path(directory) / "clutch.log", environment=environment)


def last_lines(part: Server, count: int = 12) -> str:
    """The end of what a part has printed, for a message."""
    return "\n".join("    " + line for line in part.log_text().splitlines()[-count:])


def listening_at(clutch: Server) -> Tuple[str, ...]:
    """Returns the addresses at which clutch says that it listens."""
    return tuple(line.rpartition("listening at ")[2].split(" ")[0] for line in clutch.log_text().splitlines() if "listening at " in line)
