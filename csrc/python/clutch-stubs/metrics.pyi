# SPDX-License-Identifier: MIT
"""Figures of the application, kept for all workers and shown with the server's own (--metrics-bind); near prometheus_client.

They lie in memory that the processes of the server share (--app-metrics-memory): what a worker has counted stays when it ends,
however it ends. Nothing raises for want of room: a series that finds none is left out, the log says so once, and
clutch_app_metrics_dropped_total counts it. Names are those of Prometheus, up to 200 bytes, not beginning with clutch_; a metric
has up to 16 labels, whose values are cut off from the figures when they are longer than 1024 bytes. Wrong names and labels are
ValueError, with prometheus_client's words.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol, TypeVar, final

_Function = TypeVar("_Function", bound=Callable[..., Any])

class _Block(AbstractContextManager[Any, Literal[False]], Protocol):
    """A context manager that is a decorator, too."""

    def __call__(self, function: _Function, /) -> _Function: ...

CONTENT_TYPE_LATEST: str

def generate_latest() -> bytes:
    """All metrics of the application, of all workers, as Prometheus text (version 0.0.4)."""

@final
class Counter:
    """Counts over all workers. Shown with _total at the end of its name."""

    def __new__(
        cls,
        name: str,
        documentation: str,
        labelnames: Iterable[str] = (),
        *,
        namespace: str = "",
        subsystem: str = "",
        unit: str = "",
    ) -> Counter: ...
    def labels(self, *values: object, **by_name: object) -> Counter:
        """The series with these values of the labels, as str."""
    def inc(self, amount: float = 1) -> None:
        """Count more. ValueError for less than 0."""
    def count_exceptions(self, exception: type[BaseException] | tuple[type[BaseException], ...] = ..., /) -> _Block:
        """Counts the exceptions that leave the block; by default Exception."""

@final
class Gauge:
    """A value that each worker sets. Shown is one value for all of them, as multiprocess_mode says: "sum", "max" or "min" of
    the workers that live (also "livesum", "livemax", "livemin"), or "last", what any has set last ("mostrecent")."""

    def __new__(
        cls,
        name: str,
        documentation: str,
        labelnames: Iterable[str] = (),
        *,
        namespace: str = "",
        subsystem: str = "",
        unit: str = "",
        multiprocess_mode: Literal["sum", "livesum", "max", "livemax", "min", "livemin", "last", "mostrecent"] = "sum",
    ) -> Gauge: ...
    def labels(self, *values: object, **by_name: object) -> Gauge:
        """The series with these values of the labels, as str."""
    def set(self, value: float) -> None:
        """Set the value of this process."""
    def inc(self, amount: float = 1) -> None:
        """Add to what this process has set."""
    def dec(self, amount: float = 1) -> None:
        """Take from what this process has set."""
    def set_to_current_time(self) -> None:
        """Set it to the seconds since 1970."""
    def track_inprogress(self) -> _Block:
        """1 more while the block runs."""
    def time(self) -> _Block:
        """Set it to the seconds that the block takes."""

@final
class Histogram:
    """Counts observations in buckets, over all workers. Up to 128 buckets, whose upper bounds ascend; +Inf is added."""

    def __new__(
        cls,
        name: str,
        documentation: str,
        labelnames: Iterable[str] = (),
        *,
        namespace: str = "",
        subsystem: str = "",
        unit: str = "",
        buckets: Iterable[float] = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
    ) -> Histogram: ...
    def labels(self, *values: object, **by_name: object) -> Histogram:
        """The series with these values of the labels, as str."""
    def observe(self, amount: float) -> None:
        """Count one observation."""
    def time(self) -> _Block:
        """Observe the seconds that the block takes."""
