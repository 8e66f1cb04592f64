# SPDX-License-Identifier: MIT
"""What clutch tells of every request: the layout of the access log that a comparison asks for, and its lines joined to
the requests that the client knows."""

from __future__ import annotations

import re
from typing import Dict, Iterable, NamedTuple, Optional

from compare.document import Request

ID_FIELD = "X-Compare-Id"

# The id is the only text of a client in a line. It stands at the front, and only digits and letters are taken for one.
LAYOUT = f"%({{{ID_FIELD}}}i)s %(p)s %(worker)s %(thread)s %(arrived)s %(queue)s %(gil)s %(app)s %(write)s %(s)s"
LINE = re.compile(
    r"(?P<id>[0-9a-f]+-\d+) <(?P<pid>\d+)> (?P<worker>\d+) (?P<thread>\d+|-) (?P<arrived>\d+|-)"
    r" (?P<queue>\d+|-) (?P<gil>\d+|-) (?P<app>\d+|-) (?P<write>\d+|-)"
    r" (?P<status>\d+|-)"
)
CLIENT_GONE = 499
OF_THE_APPLICATION = ("pid", "worker", "thread", "gil_us", "app_us", "write_us")


class Entry(NamedTuple):
    """One line. `arrived_us` is microseconds since the epoch; None is what the line has a dash for."""

    pid: Optional[int]
    worker: Optional[int]
    thread: Optional[int]
    arrived_us: Optional[int]
    queue_us: Optional[int]
    gil_us: Optional[int]
    app_us: Optional[int]
    write_us: Optional[int]
    status: Optional[int]

    def has_begun(self) -> bool:
        """Whether the application got the request: not when it was refused, or its client had gone while it waited."""
        return self.thread is not None and not (self.status == CLIENT_GONE and not self.app_us)


def make_id(run: str, number: int) -> str:
    """Returns what a request sends as X-Compare-Id. `run`, in hexadecimal, keeps strangers' requests apart from
    ours."""
    return f"{run}-{number}"


def parse(text: str) -> Dict[str, Entry]:
    """Returns the entries of an access log by id; lines of requests that are not ours are left out."""
    entries = {}
    for line in text.splitlines():
        match = LINE.fullmatch(line)
        if match:
            values = (None if value == "-" else int(value) for value in match.groups()[1:])
            entries[match["id"]] = Entry(*values)
    return entries


def join(requests: Iterable[Request], entries: Dict[str, Entry], run: str, start_us: int) -> int:
    """Adds to each request what the server knows of it. `start_us` is the start of the load, microseconds since the
    epoch. Returns how many requests were answered and are not in the log."""
    missing = 0
    for request in requests:
        entry = entries.get(make_id(run, request["id"]))
        if entry is None:
            missing += request["status"] is not None
            continue
        request["queue_us"] = entry.queue_us
        if entry.arrived_us is not None:
            request["arrived_us"] = entry.arrived_us - start_us
        if entry.has_begun():
            request.update({name: getattr(entry, name) for name in OF_THE_APPLICATION})  # type: ignore[typeddict-item]
        if entry.has_begun() and request["arrived_us"] is not None:
            request["begun_us"] = request["arrived_us"] + (entry.queue_us or 0)
    return missing
