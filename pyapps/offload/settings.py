# SPDX-License-Identifier: MIT
"""Settings of the web application and of the Celery worker, from environment variables; both must get the same.

OFFLOAD_REDIS_URL           where Redis is: redis://[:PASSWORD@]HOST:PORT/DATABASE, or rediss:// [redis://127.0.0.1:6379/0]
OFFLOAD_REDIS_TIMEOUT       seconds that a request of the web application waits for Redis, at each step [0.3]
OFFLOAD_RESULT_SECONDS      how long the answer of a finished job is kept [3600]
OFFLOAD_VISIBILITY_SECONDS  when a job of a dead Celery worker is given to another one: this long after it was taken. Must be more
                            than a job takes, or a job that still runs is begun a second time [60, or three times a job's duration]
OFFLOAD_ATTEMPTS            how often a job is begun before it counts as failed: one that kills its process must not go round for
                            ever [5]
CLUTCH_DEMO_SECONDS         how long a job takes; see app_main.py [10]
"""

from __future__ import annotations

import os
from typing import Mapping, NamedTuple

from app_main import DURATION_S

# A job that nobody has begun in this time is forgotten.
PENDING_SECONDS = 7 * 86400


class Settings(NamedTuple):
    redis_url: str
    redis_timeout_s: float
    result_s: int
    visibility_s: int
    attempts: int


def read_number(environment: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    """Returns the variable as a number; raises ValueError with a message for the operator."""
    text = environment.get(name) or f"{default:g}"
    try:
        number = float(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise ValueError(f"{name} is {text!r}; expected a number from {least:g} to {most:g}")
    return number


def read_settings(environment: Mapping[str, str] = os.environ, duration_s: float = DURATION_S) -> Settings:
    """Returns the settings; raises ValueError with a message for the operator."""
    url = environment.get("OFFLOAD_REDIS_URL") or "redis://127.0.0.1:6379/0"
    if not url.startswith(("redis://", "rediss://")):
        raise ValueError("OFFLOAD_REDIS_URL: expected redis://HOST:PORT/DATABASE or rediss://HOST:PORT/DATABASE")
    visibility_s = read_number(environment, "OFFLOAD_VISIBILITY_SECONDS", max(60, int(3 * duration_s)), 1, 30 * 86400)
    if visibility_s <= duration_s:
        raise ValueError(
            f"OFFLOAD_VISIBILITY_SECONDS is {visibility_s:g}, but a job takes {duration_s:g} s (CLUTCH_DEMO_SECONDS): "
            "expected more than that, or jobs that still run would be begun again"
        )
    return Settings(
        redis_url=url,
        redis_timeout_s=read_number(environment, "OFFLOAD_REDIS_TIMEOUT", 0.3, 0.01, 10),
        result_s=int(read_number(environment, "OFFLOAD_RESULT_SECONDS", 3600, 1, 30 * 86400)),
        visibility_s=int(visibility_s),
        attempts=int(read_number(environment, "OFFLOAD_ATTEMPTS", 5, 1, 1000)),
    )


SETTINGS = read_settings()
