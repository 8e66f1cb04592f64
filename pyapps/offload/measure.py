# SPDX-License-Identifier: MIT
"""The same callers twice: their work done while they wait, and done by Celery after a 202. Part of setup/compare.

Every run has a clutch with five workers; an offloading one also has a Redis and a Celery worker of its own, and its CPU time and
memory are those of all three. A caller learns from the status URL that its job is done, by asking ten times a second."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import time
from typing import Any, Callable, Dict, List, Optional

import aiohttp

from compare import document, experiment as engine, figures, interrupts, load, plan
from compare.server import Server, StartError
from compare.usage import Watch
from offload import parts

NAME = "offloading"
TITLE = "Offloading (Celery and Redis)"
SAYS = (
    "The synchronous server answers five callers at a time and lets the others wait; with the work offloaded every caller is answered at "
    "once, with 202 and a status URL.",
    "The work itself takes as long as before: with five Celery processes the last result is there no sooner than the last synchronous "
    "answer, with more of them it is.",
)
SETTING = plan.Setting(5, 1)
CONCURRENCIES = (5, 20)
JOB_S = plan.SLEEP_S
POLL_S = 0.1
LIMIT_S = 60.0
NOTE = (
    f"a job takes {JOB_S:g} s, so that the comparison is short; the original experiment's takes 10 s. "
    f"A result counts when its caller has asked for it, every {POLL_S * 1000:.0f} ms. CPU time, memory and processes are "
    "those of clutch, Celery and Redis together"
)
EXPECTED_S = (2.0, 3.0, 3.0)  # what the steps of `fill` take, for a display of progress


def make() -> document.Experiment:
    return document.make_experiment(NAME, TITLE, NAME, list(SAYS))


def experiment(tools: engine.Tools, clients: int, progress: Any = None) -> document.Experiment:
    """Returns the whole experiment. A run that failed says why in its "error"."""
    result = make()
    fill(result, tools, clients, progress)
    return result


def fill(result: document.Experiment, tools: engine.Tools, clients: int, progress: Any = None) -> None:
    """Adds the runs to `result`. KeyboardInterrupt passes through; what was measured until then is in `result`."""
    progress = progress or Silent()
    tools = tools._replace(load=load.Load(clients=clients, requests=max(clients, tools.load.requests), timeout_s=tools.load.timeout_s))
    for concurrency in (None, *CONCURRENCIES):
        one = Subject(tools, concurrency)
        progress.begin(f"{NAME}: {one.label}", tools.load.requests)
        run(one, result, progress)
        done = result["runs"][-1]
        progress.end(engine.summarize(done))
        if done["error"]:
            progress.say(engine.indent(done["error"]))


class Silent:
    """Progress that nobody looks at."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_arguments, **_keywords: None


class Subject:
    """What a run consists of: clutch, and for offloading Redis and a Celery worker before it."""

    def __init__(self, tools: engine.Tools, concurrency: Optional[int]):
        self.tools = tools
        self.concurrency = concurrency
        self.label = "synchronous" if concurrency is None else f"Celery x {concurrency}"
        self.logs = tools.logs / f"{NAME}-{concurrency or 'synchronous'}"
        self.clutch: Optional[engine.ClutchSubject] = None

    def start(self, stack: contextlib.ExitStack) -> List[Server]:
        """Starts all parts, clutch last; `stack` ends them. Raises StartError."""
        environment = {"CLUTCH_DEMO_SECONDS": str(JOB_S)}
        helpers: List[Server] = []
        target, options = str(parts.PYAPPS / "app_main.py"), []
        if self.concurrency is not None:
            directory = pathlib.Path(stack.enter_context(scratch_directory(self.logs)))
            venv = os.environ.get("OFFLOAD_VENV") or str(parts.VENV)
            try:
                redis = parts.make_redis(directory)
                python = parts.find_python(pathlib.Path(venv))
            except parts.Missing as error:
                raise StartError(str(error)) from None
            helpers.append(stack.enter_context(redis))
            environment = parts.make_environment(redis, environment)
            celery = parts.make_celery(directory, environment, self.concurrency, python)
            stack.callback(celery.stop, 0.1)  # in order it takes two seconds, and nothing of this run is needed any more
            helpers.append(celery.start())
            target, options = "offload.app", ["--venv", venv, "--pythonpath", str(parts.PYAPPS)]
        planned = plan.Planned(self.logs.name, TITLE, NAME, target, SAYS, (SETTING,), environment, plan.Cost(JOB_S, 0.0))
        candidate = engine.Candidate("clutch", self.tools.clutch_version, SETTING)
        tools = self.tools._replace(clutch_options=[*self.tools.clutch_options, *options])
        self.clutch = engine.ClutchSubject(candidate, planned, tools)
        return [*helpers, stack.enter_context(self.clutch.make_server())]


@contextlib.contextmanager
def scratch_directory(path: pathlib.Path):
    """A directory whose earlier Redis data are gone: jobs of an earlier run must not be done in this one."""
    data = path / "redis"
    for file in sorted(data.rglob("*"), reverse=True) if data.exists() else []:
        file.rmdir() if file.is_dir() else file.unlink()
    path.mkdir(parents=True, exist_ok=True)
    yield path


def run(one: Subject, result: document.Experiment, progress: Any) -> None:
    """Runs one of them. The run is in `result` also when it failed or was interrupted."""
    done = document.make_run("clutch", one.tools.clutch_version, *SETTING, one.tools.granted_cpus)
    done["label"] = f"{one.label}, {done['label']}"
    sent, jobs = load.begin(), []
    try:
        with contextlib.ExitStack() as stack:
            servers = one.start(stack)
            done["ready_s"] = round(servers[-1].ready_s, 4)
            measure(servers, done, one, sent, jobs, progress)
    except StartError as error:
        done["error"] = str(error)
    finally:
        with interrupts.deferred():
            if one.clutch is not None:
                done["command"] = one.clutch.command
                engine.complete(done, sent, one.clutch)
            tell_jobs(done, jobs)
            if sent.requests or done["error"]:
                result["runs"].append(done)


def measure(servers: List[Server], done: document.Run, one: Subject, sent: load.Sent, jobs: List[Dict[str, Any]], progress: Any) -> None:
    """Sends the load, follows the jobs to their end, and measures what all parts use meanwhile."""
    watch = Watch(lambda: sum(server.cpu_s() for server in servers), one.tools.granted_cpus)
    try:
        load.send(one.tools.load, servers[-1].port, sent, lambda _request: progress.advance(), read_status_url)
        if one.concurrency is not None:
            Followers(servers[-1].port, sent, jobs).follow()
    finally:
        with interrupts.deferred():
            engine.note_usage(done, watch)
            sizes = [server.memory() for server in servers]
            done["pss_bytes"] = sum(size.pss_bytes for size in sizes)
            done["processes"] = sum(size.processes for size in sizes)


def read_status_url(headers: Any) -> Optional[dict]:
    return {"url": headers["Location"]} if "Location" in headers else None


class Followers:
    """One caller per job, which asks its status URL until the job is done, and notes when it learnt that: done_us."""

    def __init__(self, port: int, sent: load.Sent, jobs: List[Dict[str, Any]]):
        self.url = f"http://127.0.0.1:{port}"
        self.sent = sent
        self.jobs = jobs

    def follow(self) -> None:
        with interrupts.deferred():
            was_interrupted = asyncio.run(self._follow_all())
        if was_interrupted:
            raise KeyboardInterrupt

    async def _follow_all(self) -> bool:
        """Returns whether it was interrupted."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=LIMIT_S), cookie_jar=aiohttp.DummyCookieJar()) as session:
            pairs = [(request, stamp["url"]) for request, stamp in zip(self.sent.requests, self.sent.stamps) if stamp]
            return await interrupts.run_together(self._follow(session, *pair) for pair in pairs)

    async def _follow(self, session: aiohttp.ClientSession, request: document.Request, url: str) -> None:
        end = time.monotonic() + LIMIT_S
        try:
            while time.monotonic() < end:
                async with session.get(self.url + url) as response:
                    job = await response.json() if response.status == 200 else {"state": f"unknown (status {response.status})"}
                if job["state"] not in ("pending", "running"):
                    break
                await asyncio.sleep(POLL_S)
            else:
                job = {"state": f"not done within {LIMIT_S:g} s"}
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError, ValueError) as error:
            job = {"state": f"unknown: {load.explain(error, LIMIT_S)}"}
        if job["state"] == "done":
            request["done_us"] = time.time_ns() // 1000 - self.sent.start_us[0]
            self.jobs.append(job)
        else:
            request["error"] = f"accepted, but the job is {job['state']}"


def tell_jobs(done: document.Run, jobs: List[Dict[str, Any]]) -> None:
    """Adds what the jobs themselves say, and counts the run until the last of them was done."""
    if not jobs:
        return
    ends = [request["done_us"] for request in done["requests"] if request["done_us"] is not None]
    done["wall_s"] = (max(ends) - min(request["sent_us"] for request in done["requests"])) / 1e6
    done["figures"] = figures.summarize(done)
    waited = figures.spread(job["begun_us"] - job["accepted_us"] for job in jobs)
    ran = figures.spread(job["ended_us"] - job["begun_us"] for job in jobs)
    done["notes"].append(
        f"jobs waited for a Celery process: p50 {waited['p50']:.0f} ms, max {waited['max']:.0f} ms; they ran: p50 {ran['p50']:.0f} ms"
    )
