# SPDX-License-Identifier: MIT
"""What is run: clutch or another server with a setting, and how each tells of its requests."""

from __future__ import annotations

import contextlib
import http.client
import pathlib
import time
import urllib.request
from typing import Dict, List, NamedTuple, Optional

from compare import access_log, document, load, observe, peers, plan
from compare.server import Server, free_port

PROBE_LIMIT_S = 5.0
SETTLE_S, SETTLE_LIMIT_S = 0.2, 5.0
SETTLED_S = 0.004  # CPU seconds in SETTLE_S: some wake up now and then to look around


class Tools(NamedTuple):
    """What every experiment of a comparison works with."""

    clutch: str  # the program
    clutch_options: List[str]  # the user's own
    clutch_version: str
    granted_cpus: float
    load: load.Load
    logs: pathlib.Path
    port: Optional[int]  # None: a free one for every server
    peers: Dict[str, str]  # the other servers to compare with: name -> version
    venv_peers: pathlib.Path

    def pick_port(self) -> int:
        return self.port or free_port()


class Candidate(NamedTuple):
    """A server with a setting, to be run."""

    server: str
    version: str
    setting: plan.Setting

    def describe(self) -> str:
        label = document.describe_setting(*self.setting)
        return label if self.server == "clutch" else f"{self.server}, {label}"


class ClutchSubject:
    """clutch with a setting: it tells of every request in its access log."""

    read_fields = None

    def __init__(self, candidate: Candidate, planned: plan.Planned, tools: Tools, *options: str):
        self.planned = planned
        self.port = tools.pick_port()
        name = f"{planned.name}-clutch-{candidate.setting.workers}x{candidate.setting.threads}{''.join(options)}"
        self.log = tools.logs / f"{name}.log"
        self.access_log = tools.logs / f"{name}.access"
        self.command = [tools.clutch, *tools.clutch_options, *options, "--bind", f"127.0.0.1:{self.port}"]
        self.command += ["--workers", str(candidate.setting.workers), "--threads", str(candidate.setting.threads)]
        self.command += [
            "--access-logfile",
            str(self.access_log),
            "--access-logformat",
            access_log.LAYOUT,
            planned.target,
        ]

    def make_server(self) -> Server:
        self.access_log.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self.access_log.unlink()
        return Server(self.command, self.port, self.log, environment=self.planned.environment)

    def settle(self, server: Server) -> None:
        """All its workers are ready when it says so."""

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def join(self, done: document.Run, sent: load.Sent) -> None:
        try:
            text = self.access_log.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            done["notes"].append(f"the server's access log cannot be read: {error.strerror}")
            return
        missing = access_log.join(sent.requests, access_log.parse(text), sent.run, sent.start_us[0])
        if missing:
            done["notes"].append(f"{missing} answered requests are not in the server's access log")


def answers_probe(server: Server) -> bool:
    """Whether a worker has loaded the application and answers: the sign of readiness of servers that do not tell it."""
    probe = urllib.request.Request(f"http://127.0.0.1:{server.port}/", headers={observe.PROBE_FIELD: "1"})
    try:
        with urllib.request.urlopen(probe, timeout=PROBE_LIMIT_S) as answer:
            return answer.read() == observe.PROBE_BODY
    except (OSError, http.client.HTTPException):
        return False


class PeerSubject:
    """Another server: it runs the application inside a wrapper that stamps every answer."""

    read_fields = staticmethod(peers.stamps)

    def __init__(self, candidate: Candidate, planned: plan.Planned, tools: Tools):
        self.planned = planned
        self.port = tools.pick_port()
        workers, threads = candidate.setting
        self.log = tools.logs / f"{planned.name}-{candidate.server}-{workers}x{threads}.log"
        self.command = peers.plain_command(
            candidate.server, tools.venv_peers, self.port, workers, threads, max(tools.load.clients, 100)
        )

    def make_server(self) -> Server:
        variables = {**self.planned.environment, **peers.environment(self.planned.target)}
        return Server(self.command, self.port, self.log, ready=answers_probe, environment=variables)

    def settle(self, server: Server) -> None:
        """One worker has answered; returns when the server's processes use next to no CPU any more, so that all of them
        are ready."""
        used, before, end = server.cpu_s(), -1.0, time.monotonic() + SETTLE_LIMIT_S
        while used - before > SETTLED_S and time.monotonic() < end:
            time.sleep(SETTLE_S)
            before, used = used, server.cpu_s()

    log_text = ClutchSubject.log_text

    def join(self, done: document.Run, sent: load.Sent) -> None:
        places = peers.lanes([stamp for stamp in sent.stamps if stamp])
        for request, stamp in zip(sent.requests, sent.stamps):
            if stamp:
                request["pid"] = stamp["pid"]
                request["worker"], request["thread"] = places[stamp["pid"], stamp["thread_id"]]
                request["begun_us"] = stamp["begin_us"] - sent.start_us[0]
                request["app_us"] = stamp["end_us"] - stamp["begin_us"]
