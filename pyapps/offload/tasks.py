# SPDX-License-Identifier: MIT
"""The Celery application, and its one task: the work that app_main.py does while its caller waits.

    celery -A offload.tasks worker --concurrency 5

A message leaves Redis only when its job has ended (acks_late), and goes back when the process that ran it dies
(reject_on_worker_lost). When the whole worker dies, or Redis forgets who had it, the message goes to another worker once
OFFLOAD_VISIBILITY_SECONDS are over. So a job is begun at least once, sometimes more often: see jobs.py for what that does."""

from __future__ import annotations

import celery
import kombu
import redis
from celery.exceptions import Reject
from celery.utils.log import get_task_logger

from app_main import long_running_task
from offload.jobs import MOST_CONNECTIONS, QUEUE, Jobs, connect_briefly, connect_patiently
from offload.per_process import PerProcess
from offload.settings import SETTINGS

log = get_task_logger(__name__)

app = celery.Celery("offload", broker=SETTINGS.redis_url)
app.conf.update(
    task_default_queue=QUEUE,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,  # a worker takes no more than it runs: what it holds is what its death delays
    worker_cancel_long_running_tasks_on_connection_loss=False,  # work goes on while Redis is away
    worker_lost_wait=1.0,  # a process that dies at once may not have told which job it had; then its death is noticed this much later
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": SETTINGS.visibility_s,
        "unacked_restore_interval": 1,  # look for messages of dead workers every second; kombu before 5.7: every 100 s
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 5.0,
        "socket_keepalive": True,
    },
)

jobs = PerProcess(lambda: Jobs(connect_patiently()))


@app.task(bind=True, name="offload.run")
def run(self, param: str) -> None:
    """Does the job whose id is that of the message, unless it has been done."""
    job_id = self.request.id
    try:
        verdict = jobs.get().begin(job_id, bool((self.request.delivery_info or {}).get("redelivered")))
        if verdict != "run":
            log.warning("job %s is not begun: %s", job_id, verdict)
            return
        try:
            print(f"Accept incoming request: {param}", flush=True)
            state, result = "done", long_running_task()
        except Exception as error:  # whatever the work raises is the job's answer
            log.exception("job %s failed", job_id)
            state, result = "failed", f"{type(error).__name__}: {error}"
        if not jobs.get().end(job_id, state, result):
            log.warning("job %s had ended before, or has been forgotten", job_id)
    except redis.RedisError as error:
        raise Reject(f"Redis does not answer: {error}", requeue=True) from error


def connect_to_broker() -> "kombu.pools.ConnectionPool":
    """Connections for web requests that send jobs: one try, short limits."""
    limit_s = SETTINGS.redis_timeout_s
    connection = kombu.Connection(
        SETTINGS.redis_url,
        connect_timeout=limit_s,
        transport_options={
            "max_retries": 0,
            "interval_start": 0,
            "socket_timeout": limit_s,
            "socket_connect_timeout": limit_s,
        },
    )
    return connection.Pool(limit=MOST_CONNECTIONS)


class Sender:
    """What a web process needs to accept jobs and to tell of them. Threads may share it; processes may not."""

    def __init__(self) -> None:
        self.jobs = Jobs(connect_briefly())
        self._broker = connect_to_broker()

    def warm_up(self) -> None:
        """Does what the first job would wait for otherwise: Celery's late imports, then connections. Raises as send() does."""
        run.app.finalize()
        amqp = run.app.amqp
        amqp.send_task_message  # pylint: disable=pointless-statement
        self.jobs.warm_up()
        with self._broker.acquire(block=True, timeout=SETTINGS.redis_timeout_s) as connection:
            amqp.queues[QUEUE](connection.default_channel).declare()

    def send(self, job_id: str, param: str) -> str:
        """Accepts a job. One that is known already and waits is sent again, since its first message may have been lost. Returns
        "new", or the state of the one that is known; "other" and "full" as Jobs.accept, then nothing was accepted. Raises
        redis.RedisError, kombu's errors or OSError; then nothing was accepted, as far as anybody can know."""
        state = self.jobs.accept(job_id, param)
        if state not in ("new", "pending"):
            return state
        try:
            with self._broker.acquire(block=True, timeout=SETTINGS.redis_timeout_s) as connection:
                run.apply_async((param,), task_id=job_id, connection=connection, retry=False)
        except BaseException:
            if state == "new":
                self.jobs.forget(job_id)
            raise
        return state
