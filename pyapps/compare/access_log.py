# SPDX-License-Identifier: MIT
"""What clutch tells of every request: the layout of the access log that a comparison asks for, and its lines joined to the requests
that the client knows."""

from __future__ import annotations

import re
from typing import Dict, Iterable, NamedTuple, Optional

from compare.document import Request

ID_FIELD = "X-Compare-Id"

# The id is the only text of a client in a line. It stands at the front, and only digits and letters are taken for one.
LAYOUT = f"%({{{ID_FIELD}}}i)s %(p)s %(worker)s %(thread)s %(arrived)s %(queue)s %(gil)s %(app)s %(write)s"
LINE = re.compile(
    r"(?P<id>[0-9a-f]+-\d+) <(?P<pid>\d+)> (?P<worker>\d+) (?P<thread>\d+|-) (?P<arrived>\d+|-)"
    r" (?P<queue>\d+|-) (?P<gil>\d+|-) (?P<app>\d+|-) (?P<write>\d+|-)"
)


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


def make_id(run: str, number: int) -> str:
    """Returns what a request sends as X-Compare-Id. `run`, in hexadecimal, keeps strangers' requests apart from ours."""
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
    """Adds to each request what the server knows of it. `start_us` is the start of the load, microseconds since the epoch.
    Returns how many requests were answered and are not in the log."""
    missing = 0
    for request in requests:
        entry = entries.get(make_id(run, request["id"]))
        if entry is None:
            missing += request["status"] is not None
            continue
        request.update(entry._asdict())  # type: ignore[typeddict-item]
        if entry.thread is None or entry.arrived_us is None:  # the application never had it
            request["arrived_us"] = None
            continue
        request["arrived_us"] = entry.arrived_us - start_us
        request["begun_us"] = request["arrived_us"] + (entry.queue_us or 0)
    return missing
