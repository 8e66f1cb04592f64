# SPDX-License-Identifier: MIT
"""The load: N clients that begin at the same moment, each with a connection of its own that it keeps. Each sends its
next request when the one before it was answered, until all are sent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import Callable, Iterator, List, NamedTuple, Optional, Tuple

import aiohttp
import yarl

from compare import access_log, interrupts
from compare.document import Request, make_request
from compare.figures import INTERRUPTED

NUMBER_MARK = "Request_N"  # in a path: N stands for the request's number


class Load(NamedTuple):
    clients: int = 20
    requests: int = 20
    method: str = "GET"
    path: str = "/?param=" + NUMBER_MARK
    data: Optional[bytes] = None
    headers: Tuple[Tuple[str, str], ...] = ()
    timeout_s: float = 300.0

    def target(self, number: int) -> str:
        return self.path.replace(NUMBER_MARK, f"Request_{number}")


class Sent(NamedTuple):
    """A load that is being sent: `requests` grows meanwhile, so that what was measured is there whatever happens."""

    run: str  # what the ids of its requests begin with
    requests: List[Request]
    stamps: List[Optional[dict]]  # what `read_fields` found in the answer to each request
    start_us: List[int]  # one: since the epoch
    stepped_us: List[int]  # one: how far the wall clock was set forward (or back) meanwhile


def begin() -> Sent:
    return Sent(os.urandom(4).hex(), [], [], [], [])


def send(load: Load, port: int, sent: Sent, on_end: Callable[[Request], None], read_fields=None) -> None:
    """Sends all of it to 127.0.0.1:`port` and fills `sent`; calls `on_end` for each request that has ended, and
    `read_fields`, if given, with the header fields of each answer. Ctrl-C: raises KeyboardInterrupt."""
    with interrupts.deferred():  # asyncio's own beginning and end are not to be cut short
        was_interrupted = asyncio.run(_Sender(load, port, sent, on_end, read_fields).send_all())
        for request in sent.requests:
            if request["answered_us"] is None and request["error"] is None:
                request["error"] = INTERRUPTED
    if was_interrupted:
        raise KeyboardInterrupt


def wall_s(requests: List[Request]) -> Optional[float]:
    """Returns the seconds from the first byte sent to the last answer, None when there was none."""
    ends = [request["answered_us"] for request in requests if request["answered_us"] is not None]
    return (max(ends) - min(request["sent_us"] for request in requests)) / 1e6 if ends else None


class _Sender:
    def __init__(self, load: Load, port: int, sent: Sent, on_end, read_fields):
        self.load = load
        self.url = f"http://127.0.0.1:{port}"
        self.sent = sent
        self.on_end = on_end
        self.read_fields = read_fields
        self.numbers: Iterator[int] = iter(range(1, load.requests + 1))

    async def send_all(self) -> bool:
        """Returns whether it was interrupted."""
        clients = min(self.load.clients, self.load.requests)
        self.sent.start_us.append(time.time_ns() // 1000)
        self.start_ns = time.monotonic_ns()
        try:
            return await interrupts.run_together(self._run_client(client) for client in range(1, clients + 1))
        finally:
            self._notice_steps()

    def _now_us(self) -> int:
        """Of a clock that begins with the wall clock, and goes on as before when that is set meanwhile."""
        return (time.monotonic_ns() - self.start_ns) // 1000

    def _notice_steps(self) -> None:
        self.sent.stepped_us.append(time.time_ns() // 1000 - self.sent.start_us[0] - self._now_us())

    async def _run_client(self, client: int) -> None:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1),
            timeout=aiohttp.ClientTimeout(total=self.load.timeout_s, sock_connect=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[self._make_trace()],
            auto_decompress=False,
        ) as session:
            for number in self.numbers:
                request = make_request(number, client, self._now_us())
                self.sent.requests.append(request)
                self.sent.stamps.append(None)
                await self._exchange(session, request, len(self.sent.stamps) - 1)
                self.on_end(request)

    def _make_trace(self) -> aiohttp.TraceConfig:
        """A request counts as sent when it has its connection, right before its first byte leaves."""

        async def on_connection(_session, context, _details) -> None:
            context.trace_request_ctx["sent_us"] = self._now_us()

        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(on_connection)
        trace.on_connection_reuseconn.append(on_connection)
        return trace

    async def _exchange(self, session: aiohttp.ClientSession, request: Request, index: int) -> None:
        load = self.load
        headers = [*load.headers, (access_log.ID_FIELD, access_log.make_id(self.sent.run, request["id"]))]
        url = yarl.URL(self.url + load.target(request["id"]), encoded=True)
        try:
            async with session.request(
                load.method, url, data=load.data, headers=headers, allow_redirects=False, trace_request_ctx=request
            ) as response:
                body = await response.read()
                request["answered_us"] = self._now_us()
                request["status"], request["bytes"] = response.status, len(body)
                if self.read_fields is not None:
                    self.sent.stamps[index] = self.read_fields(response.headers)
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError, ValueError) as error:
            request["error"] = explain(error, load.timeout_s)


def explain(error: BaseException, timeout_s: float) -> str:
    """Returns why there was no answer, in plain words."""
    if isinstance(error, asyncio.TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection: {error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection before its answer"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer broke off"
    if isinstance(error, ConnectionResetError):
        return "the server reset the connection"
    with contextlib.suppress(AttributeError):
        if error.strerror:  # type: ignore[attr-defined]
            return error.strerror  # type: ignore[attr-defined]
    return f"{type(error).__name__}: {error}"
