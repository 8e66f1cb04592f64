# SPDX-License-Identifier: MIT
"""The file of a comparison, comparison.json: every request of every run, and what was concluded from them.

One JSON object:

    {"format": 1, "made": "2026-11-26T03:00:00Z", "interrupted": false, "command": ["setup/compare", ...],
     "machine": Machine, "load": Load, "experiments": [Experiment...], "recommendations": [Recommendation...]}

The classes below name every field. What they have in common:

* Moments (`sent_us`, `arrived_us`, `begun_us`, `answered_us`, `done_us`) are microseconds since the start of the load
  of their run, on one clock for client and server: the wall clock. Durations with `_us` are microseconds, with `_s`
  seconds, with `_ms` milliseconds.
* A request's `begun_us` is when an app thread took it: `arrived_us + queue_us`. Behind it follow `gil_us`, `app_us` and
  `write_us`.
* `command` is what the user typed, word for word, to repeat it.
* What is not known is null. Of a request that was not answered only id, client, sent_us and `error` are sure. The other
  servers run the application inside a wrapper (observe.py), which knows pid, worker (the index of the pid, from 1),
  thread (its index in there, from 0), begun_us and app_us; arrived_us, queue_us, gil_us and write_us are null.
* In a run that offloads its work `answered_us` is the first answer (202), `done_us` when the job's result was there;
  else null.
* `memory` is measured when all workers are ready and before any request; a run's `pss_bytes` after its load.
* After Ctrl-C `interrupted` is true and there are fewer runs; the last may have fewer requests. A run that failed has
  an `error`, and maybe no requests.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import pathlib
from typing import Any, Dict, List, Optional, Sequence, TypedDict

FORMAT = 1

# A whole document, and its parts, as plain dicts: they come from JSON and go there.
Document = Dict[str, Any]


class Machine(TypedDict):
    cpus: int  # what the machine has
    granted_cpus: float  # what affinity and cpu.max leave of them
    memory_bytes: int
    kernel: str
    python: str  # the one that clutch embeds
    clutch: str


class Load(TypedDict):
    clients: int  # callers at the same time, each with a connection of its own
    requests: int  # of every run
    method: str
    path: str  # as sent; N in Request_N is the request's id
    note: Optional[str]  # what a reader must know about it


class Request(TypedDict):
    id: int  # from 1, in the order of sending
    client: int  # from 1
    sent_us: int  # right before its first byte was sent
    answered_us: Optional[int]  # when the last byte of the response was read
    status: Optional[int]
    bytes: Optional[int]  # of the response's body
    error: Optional[str]  # why there was no response, in plain words
    done_us: Optional[int]
    pid: Optional[int]
    worker: Optional[int]  # from 1
    thread: Optional[int]  # from 0
    arrived_us: Optional[int]
    begun_us: Optional[int]
    queue_us: Optional[int]
    gil_us: Optional[int]
    app_us: Optional[int]
    write_us: Optional[int]


class Run(TypedDict):
    server: str  # "clutch", "gunicorn"...
    version: str
    label: str  # "5 workers x 4 threads"
    workers: int
    threads: int
    command: List[str]
    ready_s: Optional[float]  # from the start of the process until it says that all workers serve
    wall_s: Optional[float]  # from the first byte sent to the last answer
    cpu_s: Optional[float]  # of all its processes, user and system, during the load
    client_cpu_share: Optional[float]  # of the one CPU that the load generator can use; null after less than 0.2 s
    other_cpu_share: Optional[float]  # of the granted CPUs: what neither server nor load generator used; null as above
    granted_cpus: float
    pss_bytes: Optional[int]
    processes: Optional[int]
    error: Optional[str]  # several lines where the application's traceback belongs to it
    notes: List[str]
    requests: List[Request]
    figures: Optional[Dict[str, Any]]  # see figures.py


class Memory(TypedDict):
    server: str
    workers: int
    threads: int
    preload: bool
    pss_bytes: int
    processes: int


class Experiment(TypedDict):
    name: str
    title: str
    app: str
    says: List[str]  # what to see, in sentences
    runs: List[Run]
    memory: List[Memory]


class Recommendation(TypedDict):
    text: str
    because: List[str]  # figures with their units
    experiment: str  # its name


class BadDocument(ValueError):
    """A file that is no comparison; the message is for the user."""


def make_document(machine: Machine, load: Load, command: Sequence[str] = ("setup/compare",)) -> Document:
    """Returns a document without experiments, made now."""
    made = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "format": FORMAT,
        "made": made,
        "interrupted": False,
        "command": list(command),
        "machine": machine,
        "load": load,
        "experiments": [],
        "recommendations": [],
    }


def make_experiment(name: str, title: str, app: str, says: List[str]) -> Experiment:
    return {"name": name, "title": title, "app": app, "says": list(says), "runs": [], "memory": []}


def make_run(server: str, version: str, workers: int, threads: int, granted_cpus: float) -> Run:
    """Returns a run that has not begun."""
    return {
        "server": server,
        "version": version,
        "label": describe_setting(workers, threads),
        "workers": workers,
        "threads": threads,
        "command": [],
        "ready_s": None,
        "wall_s": None,
        "cpu_s": None,
        "client_cpu_share": None,
        "other_cpu_share": None,
        "granted_cpus": granted_cpus,
        "pss_bytes": None,
        "processes": None,
        "error": None,
        "notes": [],
        "requests": [],
        "figures": None,
    }


def make_request(number: int, client: int, sent_us: int) -> Request:
    """Returns a request that was sent and not yet answered."""
    unknown = dict.fromkeys(Request.__annotations__)
    return {**unknown, "id": number, "client": client, "sent_us": sent_us}  # type: ignore[typeddict-item]


def describe_setting(workers: int, threads: int) -> str:
    """Returns "5 workers x 4 threads"."""
    return f"{workers} worker{'' if workers == 1 else 's'} x {threads} thread{'' if threads == 1 else 's'}"


def write(document: Document, path: "os.PathLike[str] | str") -> None:
    """Writes the file in one piece: a reader finds the old one or the new one. Raises OSError."""
    target = pathlib.Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".new")
    try:
        temporary.write_text(to_text(document) + "\n", encoding="utf-8")
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def to_text(value: Any, indent: str = "") -> str:
    """Returns JSON, indented, where what holds nothing deeper is one line: a request, for instance."""
    if not isinstance(value, (dict, list)) or not any(isinstance(each, (dict, list)) for each in _parts(value)):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner = indent + " "
    names = [json.dumps(name) + ": " for name in value] if isinstance(value, dict) else [""] * len(value)
    lines = [inner + name + to_text(each, inner) for name, each in zip(names, _parts(value))]
    first, last = "{}" if isinstance(value, dict) else "[]"
    return "\n".join([first, ",\n".join(lines), indent + last])


def _parts(value: Any) -> List[Any]:
    return list(value.values() if isinstance(value, dict) else value)


def read(path: "os.PathLike[str] | str") -> Document:
    """Returns the document in the file. Raises OSError, or BadDocument when it is none of this format."""
    try:
        document = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadDocument(f"{path}: no JSON: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadDocument(f"{path}: no comparison of format {FORMAT}")
    return document
