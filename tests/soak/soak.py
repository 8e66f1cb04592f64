# SPDX-License-Identifier: MIT
"""Runs clutch for some minutes under mixed traffic while workers are killed, leave and stand still; then holds the
clients' accounts against the application's. Prints a report; exit status 1 when anything was not as it should be. See
setup/soak."""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import pathlib
import random
import re
import signal
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "soak")]

from census import Memory, find_more  # noqa: E402
from support import processes  # noqa: E402
from support.crew import Crew  # noqa: E402
from support.server import BEHAVIOUR, SPAWNED, Server  # noqa: E402
from support.stress import LOST, find_mistakes  # noqa: E402
from support.waiting import wait_until  # noqa: E402
from traffic import SoakClient  # noqa: E402

WORKERS, THREADS, CLIENTS = 3, 2, 16
SAMPLES = 120

# What is done to a worker, and how often. Those of the last two kinds lose nothing.
DEEDS = {"killed": 2, "crashed": 1, "told to leave": 2, "stopped for a moment": 10}
SIGNALS = {"killed": signal.SIGKILL, "crashed": signal.SIGSEGV, "told to leave": signal.SIGTERM}

# One that is told to leave while it loads the application ends at once.
LEFT_EARLY = r"\[error\] master: worker \d+ \(pid: (\d+)\) exited with status 143,"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="setup/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=100, help="requests a second that are aimed at [100]")
    parser.add_argument("--preload", action="store_true", help="with a zygote, which is killed as well")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    return parser.parse_args()


class Soak:
    def __init__(self, options: argparse.Namespace, directory: pathlib.Path):
        self.options = options
        self.seconds = options.minutes * 60
        self.random = random.Random(options.seed)
        arguments = ["--pythonpath", BEHAVIOUR, "--threads", THREADS, "--head-timeout", "5", "--body-memory", "64k"]
        arguments += ["--response-memory", "64k", "--graceful-timeout", "20"] + ["--preload"] * options.preload
        self.server = Server("router", *arguments, workers=WORKERS)
        self.crew = Crew(self.server, directory)
        self.clients: list[SoakClient] = []
        self.killed: dict[int, tuple[float, float]] = {}
        self.left: set[int] = set()
        self.deeds: collections.Counter = collections.Counter()
        self.mistakes: list[str] = []
        self.memory: list[Memory] = []

    # While it runs.

    def run(self) -> None:
        self.server.wait_ready()
        first = self.server.worker_pids()[0]
        self.memory = [
            Memory("master", "master", self.server.pid, self.seconds),
            Memory("worker 1", "worker", first, self.seconds),
        ]
        self.members = len(processes.session_members(self.server.pid))
        self.open_master = processes.open_descriptors(self.server.pid)
        self.open_worker = processes.open_descriptors(first)
        rate = self.options.rate / CLIENTS
        self.clients = [SoakClient(self.crew, i, self.options.seed, rate) for i in range(CLIENTS)]
        for client in self.clients:
            client.start()
        try:
            self.disturb()
        finally:
            for client in self.clients:
                client.is_over.set()
            for client in self.clients:
                client.join(90)
        self.mistakes += [f"{client.name} waits for ever" for client in self.clients if client.is_alive()]

    def disturb(self) -> None:
        """Worker 1 is left alone but for moments, for its memory is watched."""
        began_s = time.monotonic()
        next_s = began_s + 0.5
        for step in range(SAMPLES):
            for memory in self.memory:
                memory.take(step / SAMPLES)
            end_s = began_s + (step + 1) * self.seconds / SAMPLES
            while (now_s := time.monotonic()) < end_s:
                if now_s >= next_s:
                    self.do_something()
                    next_s = time.monotonic() + self.random.uniform(0.2, 1.0)
                time.sleep(max(0.0, min(end_s, next_s) - time.monotonic()))

    def do_something(self) -> None:
        deed = self.random.choices(list(DEEDS), list(DEEDS.values()))[0]
        candidates = self.server.worker_pids()
        if deed in SIGNALS:
            candidates = candidates[1:]
            if self.options.preload and deed != "told to leave" and self.random.random() < 0.2:
                self.kill_zygote()
                return
        pid = self.random.choice(candidates)
        if pid in self.killed or pid in self.left or not processes.is_running(pid):
            return
        with contextlib.suppress(ProcessLookupError):
            if deed not in SIGNALS:
                self.stop_for_a_moment(pid)
            else:
                before_s = time.monotonic()
                os.kill(pid, SIGNALS[deed])
                if deed == "told to leave":
                    self.left.add(pid)
                else:
                    self.killed[pid] = (before_s, time.monotonic())
            self.deeds[deed] += 1

    def stop_for_a_moment(self, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.random.uniform(0.001, 0.05))
        os.kill(pid, signal.SIGCONT)

    def kill_zygote(self) -> None:
        spawned = self.server.log.find_all(r"spawned zygote \(pid: (\d+)\)")
        pid = int(spawned[-1][1])
        if pid not in self.left and processes.is_running(pid):
            self.left.add(pid)
            os.kill(pid, signal.SIGKILL)
            self.deeds["zygote killed"] += 1

    # Afterwards.

    def settle(self) -> None:
        """All workers are there again and have nothing to do."""
        wait_until(lambda: all(map(processes.is_running, self.server.worker_pids())), "all workers to be there")
        wait_until(lambda: len(processes.session_members(self.server.pid)) == self.members, "the usual processes")
        with self.server.connect() as connection:
            self.crew.ask(connection, "last")

    def check(self) -> None:
        self.settle()
        self.mistakes += find_mistakes(self.crew.ledger, self.clients, self.killed, THREADS)
        self.mistakes += filter(None, (memory.check() for memory in self.memory))
        self.check_descriptors()
        self.check_log()

    def check_descriptors(self) -> None:
        for pid in self.server.worker_pids():
            self.check_process(f"worker {pid}", pid, self.open_worker)
        self.check_process("master", self.server.pid, self.open_master)

    def check_process(self, name: str, pid: int, before) -> None:
        def is_as_before():
            return not find_more(before, processes.open_descriptors(pid))

        with contextlib.suppress(TimeoutError):
            wait_until(is_as_before, "descriptors to be closed", 15)
        if not is_as_before():
            self.mistakes.append(f"{name} keeps open {find_more(before, processes.open_descriptors(pid))}")

    def check_log(self) -> None:
        died = r"\[error\] master: worker \d+ \(pid: (\d+)\)"
        deaths = collections.Counter(int(match[1]) for match in self.server.log.find_all(died))
        for match in self.server.log.find_all(LEFT_EARLY):
            if int(match[1]) in self.left:
                del deaths[int(match[1])]
        if set(deaths) != set(self.killed):
            self.mistakes.append(f"the log tells of deaths {set(deaths) ^ set(self.killed)} (or does not)")
        others = [line for line in self.server.log.lines if "[error]" in line or "[critical]" in line or "lost" in line]
        expected = ("was killed by signal", "the request of that", "was running")
        strange = [line for line in others if not any(words in line for words in expected) and not re.search(LEFT_EARLY, line)]
        self.mistakes += [f"the log has: {line}" for line in strange[:10]]

    def finish(self) -> None:
        try:
            self.server.finish()
        except AssertionError as error:
            self.mistakes.append(str(error))

    # The report.

    def report(self) -> str:
        accounts = [account for client in self.clients for account in client.accounts]
        table = collections.Counter((account.kind, account.outcome) for account in accounts)
        outcomes = sorted({outcome for _, outcome in table})
        lines = [f"{len(accounts)} requests in {self.seconds:.0f} s, seed {self.options.seed}"]
        lines.append(f"{'':16}" + "".join(f"{outcome:>9}" for outcome in outcomes))
        for kind in sorted({kind for kind, _ in table}):
            lines.append(f"{kind:16}" + "".join(f"{table[kind, outcome]:9}" for outcome in outcomes))
        lines.append("workers: " + ", ".join(f"{count} {deed}" for deed, count in sorted(self.deeds.items())))
        spawned = len(self.server.log.find_all(SPAWNED.pattern))
        lost = sum(account.outcome == LOST for account in accounts)
        lines.append(f"{spawned} workers spawned; {lost} requests lost, each with a worker that was killed")
        lines += [memory.describe() for memory in self.memory]
        lines.append("descriptors and processes: as at the start" if not self.mistakes else "MISTAKES:")
        return "\n".join(lines + self.mistakes[:50])


def main() -> int:
    options = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="clutch-soak-") as name:
        soak = Soak(options, pathlib.Path(name))
        try:
            soak.run()
            soak.check()
        finally:
            soak.finish()
        print(soak.report(), flush=True)
    return 1 if soak.mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
