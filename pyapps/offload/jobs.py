# SPDX-License-Identifier: MIT
"""What is known of each job: a hash in Redis, made when the job is accepted, kept for a while after its end.

Celery carries the job to a worker; this is what the status URL reads. (Celery's own results cannot tell a job that waits from one that
never was, and its client listens for every result in the process that sent the job.) Each change is one script, so it happens wholly
or not at all, and whoever does it twice does no harm: that is what makes a message that arrives twice harmless.

    state       pending, running, done or failed
    param       what the caller asked for
    result      the answer, or why it failed
    attempts    how often it was begun
    accepted_us, begun_us, ended_us   microseconds since the epoch, by the clock of who did it; begun_us is that of the last attempt
    pid         the process that began it last
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, Optional

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry

from offload.settings import PENDING_SECONDS, SETTINGS

QUEUE = "offload"
PREFIX = "offload:job:"
NUMBERS = ("attempts", "accepted_us", "begun_us", "ended_us", "pid")
FIELDS = ("state", "param", "result") + NUMBERS

# Of a web process, to Redis: a thread that needs one and gets none answers 503. The libraries' own limits are lower.
MOST_CONNECTIONS = 4096

# With a full Redis a Celery worker cannot even note that a job has ended, and ends itself: the rest is kept free for it.
MOST_FILLED = 0.9

# KEYS[1]: the job. ARGV: param, now, seconds to keep, share of Redis's memory that jobs may fill. Returns its state, "new" when it was
# not known before; or "other" when it is known with another param, or "full". `sent` counts who has sent it or is about to.
ACCEPT = """
local known = redis.call('HMGET', KEYS[1], 'state', 'param')
if known[1] then
    if known[2] ~= ARGV[1] then return 'other' end
    if known[1] == 'pending' then redis.call('HINCRBY', KEYS[1], 'sent', 1) end
    return known[1]
end
local memory = redis.call('INFO', 'memory')
local most = tonumber(string.match(memory, 'maxmemory:(%d+)'))
if most > 0 and tonumber(string.match(memory, 'used_memory:(%d+)')) > most * tonumber(ARGV[4]) then return 'full' end
redis.call('HSET', KEYS[1], 'state', 'pending', 'param', ARGV[1], 'attempts', 0, 'accepted_us', ARGV[2], 'sent', 1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 'new'
"""

# Forgets a job that could not be sent, unless another caller with the same key has sent it meanwhile.
FORGET = """
local known = redis.call('HMGET', KEYS[1], 'state', 'sent')
if known[1] == 'pending' and known[2] == '1' then redis.call('DEL', KEYS[1]) end
"""

# ARGV: now, pid, whether the message was delivered before (1 or 0), most attempts, seconds to keep. Returns what to do with it.
BEGIN = """
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 'forgotten' end
if state == 'done' or state == 'failed' then return 'ended' end
if state == 'running' and ARGV[3] == '0' then return 'twice' end
if tonumber(redis.call('HGET', KEYS[1], 'attempts')) >= tonumber(ARGV[4]) then
    redis.call('HSET', KEYS[1], 'state', 'failed', 'ended_us', ARGV[1], 'result', 'never ended, however often begun: ' .. ARGV[4])
    redis.call('EXPIRE', KEYS[1], ARGV[5])
    return 'given up'
end
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('HSET', KEYS[1], 'state', 'running', 'begun_us', ARGV[1], 'pid', ARGV[2])
return 'run'
"""

# ARGV: state, result, now, seconds to keep. The first end counts. Returns 1 for that one.
END = """
local state = redis.call('HGET', KEYS[1], 'state')
if not state or state == 'done' or state == 'failed' then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[1], 'result', ARGV[2], 'ended_us', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


def now_us() -> int:
    return time.time_ns() // 1000


def connect_briefly() -> "redis.Redis":
    """A client for web requests: tries once, with short limits, and raises redis.RedisError."""
    limit_s = SETTINGS.redis_timeout_s
    return redis.Redis.from_url(
        SETTINGS.redis_url,
        decode_responses=True,
        socket_connect_timeout=limit_s,
        socket_timeout=limit_s,
        max_connections=MOST_CONNECTIONS,
        retry=Retry(NoBackoff(), 0),
    )


def connect_patiently() -> "redis.Redis":
    """A client for jobs: work that is done is not thrown away because Redis is being restarted; it tries for ten minutes."""
    return redis.Redis.from_url(
        SETTINGS.redis_url,
        decode_responses=True,
        socket_connect_timeout=5.0,
        socket_timeout=5.0,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), 600),
        retry_on_error=[redis.ConnectionError, redis.TimeoutError],
    )


class Jobs:
    """The jobs in one Redis. Threads may share it; processes may not. Every method raises redis.RedisError."""

    def __init__(self, client: "redis.Redis"):
        self._redis = client
        self._accept = client.register_script(ACCEPT)
        self._forget = client.register_script(FORGET)
        self._begin = client.register_script(BEGIN)
        self._end = client.register_script(END)

    def accept(self, job_id: str, param: str) -> str:
        """Notes a new job. Returns "new", or the state of one that has this id already; "other" when that has another param, "full"
        when there is no room for a new one."""
        return self._accept(keys=[PREFIX + job_id], args=[param, now_us(), PENDING_SECONDS, MOST_FILLED])

    def forget(self, job_id: str) -> None:
        """Takes back a new job that could not be sent, as long as nobody else has sent it."""
        self._forget(keys=[PREFIX + job_id])

    def begin(self, job_id: str, is_redelivered: bool) -> str:
        """Notes that this process begins the job, and returns "run"; or why it must not: "forgotten", "ended", "twice" (another
        message of the same job has begun it), "given up" (begun too often)."""
        arguments = [now_us(), os.getpid(), int(is_redelivered), SETTINGS.attempts, SETTINGS.result_s]
        return self._begin(keys=[PREFIX + job_id], args=arguments)

    def end(self, job_id: str, state: str, result: str) -> bool:
        """Notes the end, "done" or "failed". Returns whether this was the first one."""
        return bool(self._end(keys=[PREFIX + job_id], args=[state, result, now_us(), SETTINGS.result_s]))

    def read(self, job_id: str) -> Optional[Dict[str, Any]]:
        """Returns the job's fields (see above; None where not known yet), or None when there is no such job."""
        found = self._redis.hgetall(PREFIX + job_id)
        if not found:
            return None
        return {name: int(found[name]) if name in NUMBERS and name in found else found.get(name) for name in FIELDS}

    def count_waiting(self) -> int:
        """Returns how many jobs no worker has taken yet."""
        return self._redis.llen(QUEUE)

    def longest_wait_s(self) -> float:
        """Returns how long the job that a worker takes next has waited, 0 when none waits. It grows when there is no worker."""
        message = self._redis.lindex(QUEUE, -1)
        if message is None:
            return 0.0
        accepted_us = self._redis.hget(PREFIX + json.loads(message)["headers"]["id"], "accepted_us")
        return max(0.0, (now_us() - int(accepted_us or now_us())) / 1e6)

    def warm_up(self) -> None:
        """Connects, and gives Redis the scripts that web requests need."""
        for script in (ACCEPT, FORGET):
            self._redis.script_load(script)
