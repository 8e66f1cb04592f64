# SPDX-License-Identifier: MIT
"""The Celery application with other work: it waits until the file GATE/open is there, or kills its process (GATE/kill)."""

import os
import pathlib
import signal
import time

from celery.concurrency.asynpool import AsynPool
from offload import tasks

GATE = pathlib.Path(os.environ["GATE"])
LIMIT_S = 120.0


def wait_at_gate():
    if (GATE / "kill").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if (GATE / "raise").exists():
        raise RuntimeError("no luck")
    end = time.monotonic() + LIMIT_S
    while not (GATE / "open").exists():
        if time.monotonic() > end:
            raise TimeoutError("nobody opened the gate")
        time.sleep(0.01)
    return "true"


tasks.long_running_task = wait_at_gate
app = tasks.app
app.conf.worker_lost_wait = 0.1
AsynPool.timers = property(lambda pool: {pool.maintain_pool: 0.2})  # Celery looks for dead processes every 5 s, a test need not wait
