# SPDX-License-Identifier: MIT
"""Ctrl-C (SIGINT) and SIGTERM: an end that keeps what was measured, and parts that must not be cut short."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import Awaitable, Callable, Iterable, Iterator, Optional

_instead: Optional[Callable[[], object]] = None
_deferring = 0
_is_pending = False
_is_over = False


def install() -> None:
    """From now on the first of both signals raises KeyboardInterrupt in the main thread, except inside the two contexts
    below. Another one does nothing: it would cut short what the first one has begun."""
    global _is_over, _is_pending
    _is_over = _is_pending = False
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _handle)


def over() -> None:
    """From now on both signals do nothing: what is left to do is short, and must be done."""
    global _is_over
    _is_over = True


def _handle(_number, _frame) -> None:
    global _is_over, _is_pending
    if _is_over:
        return
    _is_over = True
    if _instead is not None:
        _instead()
    elif _deferring:
        _is_pending = True
    else:
        raise KeyboardInterrupt


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """What is inside runs to its end; KeyboardInterrupt comes after it."""
    global _deferring, _is_pending
    _deferring += 1
    try:
        yield
    finally:
        _deferring -= 1
        if _is_pending and not _deferring:
            _is_pending = False
            raise KeyboardInterrupt


@contextlib.contextmanager
def call_instead(callback: Callable[[], object]) -> Iterator[None]:
    """Inside, a signal calls `callback`; one that is deferred does so at once."""
    global _instead
    _instead = callback
    if _is_pending:
        callback()
    try:
        yield
    finally:
        _instead = None


async def run_together(work: Iterable[Awaitable[object]]) -> bool:
    """Runs all of `work` side by side to its end; a signal cancels it. Returns whether one came, also one that came too
    late to cancel anything: it is the only one that is heard."""
    together = asyncio.ensure_future(asyncio.gather(*work))
    loop = asyncio.get_running_loop()
    came = []

    def cancel() -> None:
        came.append(True)
        loop.call_soon_threadsafe(together.cancel)

    with call_instead(cancel):
        try:
            await together
        except asyncio.CancelledError:
            return True
    return bool(came)
