# SPDX-License-Identifier: MIT
"""The server that runs this application, from the inside.

The module is built into clutch: it exists in the processes of the server (the one included that loads the application with
--preload) and in no other. Where an application also runs elsewhere:

    try:
        import clutch
    except ImportError:
        clutch = None
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from . import metrics as metrics

_Hook = TypeVar("_Hook", bound=Callable[[], Any])

version: str
__version__: str

def worker_id() -> int:
    """The number of this worker, from 1 to worker_count(); 0 where --preload loads the application. A worker that replaces
    another one has its number."""

def is_worker() -> bool:
    """Whether this process serves requests: False where --preload loads the application."""

def generation() -> int:
    """The number of the set of workers that this one belongs to: 1 at the start of the server, one more for each reload."""

def worker_count() -> int:
    """How many workers the server is to have now: --workers, and what SIGTTIN and SIGTTOU have made of it."""

def thread_count() -> int:
    """How many requests each worker runs at once (--threads)."""

def on_worker_start(function: _Hook, /) -> _Hook:
    """Decorator: call function() in each worker once the application is loaded, before the worker says that it is ready. On
    the main thread, in order of registration. An exception ends the start, as an import error does."""

def on_ready(function: _Hook, /) -> _Hook:
    """Decorator: call function() in each worker once it serves. On the main thread, which takes no request meanwhile.
    Exceptions are logged."""

def on_worker_stop(function: _Hook, /) -> _Hook:
    """Decorator: call function() in each worker at a graceful stop, once all its requests are answered and before functions
    of atexit; the latest registered first. On the main thread. Exceptions are logged. Not called in a worker that is
    killed."""

def before_fork(function: _Hook, /) -> _Hook:
    """Decorator, with --preload: call function() before each fork of a worker, in the process that has loaded the
    application; the latest registered first. On the main thread. Exceptions are logged."""

def after_fork(function: _Hook, /) -> _Hook:
    """Decorator, with --preload: call function() in each worker right after it has been forked, before those of
    on_worker_start. On the main thread. An exception ends the start."""

class RequestTimeout(BaseException):
    """Raised in a request that has run for longer than --request-timeout, when its client has had its answer already. Catch it
    to clean up, and let the request end."""

class RequestTimings(NamedTuple):
    """Where the time of a request has gone, in seconds."""

    queue: float
    """Waiting for a free app thread."""
    gil_wait: float
    """Waiting for the GIL of the worker."""
    app: float
    """In the application, so far."""
    write: float
    """Sending the response, so far."""

def request_timings() -> RequestTimings:
    """The timings of the request that this thread runs. RuntimeError where it runs none: outside a request, or in a thread
    that the application has started."""

def early_hints(headers: Iterable[tuple[str, str]], /) -> bool:
    """Send 103 Early Hints (RFC 8297) with these fields ahead of the response; also in environ, as "wsgi.early_hints".

    Returns whether they were sent: not to a client of HTTP/1.0, and not once the head of the response has left. TypeError or
    ValueError names the field that is wrong, and nothing is sent; RuntimeError where this thread runs no request."""
