# SPDX-License-Identifier: MIT
"""What a proxy believes to have sent on, beside what clutch has executed: they must be the same requests."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote_to_bytes


@dataclass(frozen=True)
class Forwarded:
    method: str
    path: str  # decoded, as in PATH_INFO
    status: int  # that clutch answered; 0: not sent on


def path_of(target: str) -> str:
    """The path of a request target, decoded; of its absolute-form too."""
    path = target.partition("?")[0]
    if path.lower().startswith(("http://", "https://", "ftp://")):
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    return unquote_to_bytes(path).decode("latin-1") or "/"


def parse_line(line: str) -> Forwarded:
    """A line "METHOD|target|status of clutch" of nginx, or "METHOD|target|server|status" of HAProxy. Where the proxy has
    answered itself, the status is "-", or the server "<NOSRV>"."""
    method, target, *server, status = line.split("|")
    if server == ["<NOSRV>"]:
        status = "-"
    return Forwarded(method, path_of(target), int(status) if status.isdigit() else 0)


def disagreement(forwarded: list[Forwarded], executed: list[str]) -> str:
    """ "" when each request that the proxy sent on and that clutch did not refuse was executed once, in order, and
    nothing else was; or what is wrong."""
    sent = [f"{one.method} {one.path!a}" for one in forwarded if 200 <= one.status < 300]
    done = [line.rpartition(" ")[0] for line in executed]
    return "" if sent == done else f"the proxy sent on {sent}, clutch executed {done}"
