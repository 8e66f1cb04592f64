# SPDX-License-Identifier: MIT
"""Comparisons as setup/compare writes them, made up: a simulator of servers with workers and threads, for the tests of
the page.

`python page_sample.py FILE.json` writes one that has everything in it."""

import heapq
import json
import random
import sys

from compare import figures

MS = 1000
HOSTILE = "<script>alert(1)</script></script><img src=x onerror=alert(1)>\"'&{{7*7}}<b>&lt;</b><a href=x>y</a><!--"


def simulate(workers, threads, count, clients, app_ms, cpus=None, seed=1):
    """Returns `count` requests of `clients` callers, each of whom asks again when it has its answer, served first come,
    first served by workers x threads app threads for app_ms each; with `cpus` the application computes, and as many
    cores and GILs bound it."""
    rng = random.Random(seed)
    free = [(0, worker, thread) for thread in range(threads) for worker in range(1, workers + 1)]
    heapq.heapify(free)
    callers = [(client * 40, client) for client in range(clients)]
    heapq.heapify(callers)
    crowd = 1.0 if cpus is None else max(1.0, min(clients, workers * threads) / min(cpus, workers))
    requests = []
    for number in range(1, count + 1):
        sent, client = heapq.heappop(callers)
        at, worker, thread = heapq.heappop(free)
        arrived = sent + rng.randint(150, 900)
        begun = max(arrived + rng.randint(20, 90), at)
        gil = rng.randint(1, 6) if cpus is None or threads == 1 else rng.randint(1, 5) * MS * threads // 2
        app, write = int(app_ms * MS * crowd * rng.uniform(1.0, 1.03)), rng.randint(18, 70)
        end = begun + gil + app + write
        heapq.heappush(free, (end, worker, thread))
        answered = end + rng.randint(200, 1200)
        heapq.heappush(callers, (answered, client))
        requests.append(
            {
                "id": number,
                "client": client,
                "sent_us": sent,
                "answered_us": answered,
                "status": 200,
                "bytes": 5,
                "error": None,
                "done_us": None,
                "pid": 4200 + worker,
                "worker": worker,
                "thread": thread,
                "arrived_us": arrived,
                "begun_us": begun,
                "queue_us": begun - arrived,
                "gil_us": gil,
                "app_us": app,
                "write_us": write,
            }
        )
    return requests


def without_server_figures(requests):
    """What is known of another server's requests."""
    return [{**request, "arrived_us": None, "queue_us": None, "gil_us": None, "write_us": None} for request in requests]


def offloaded(requests, slots=5, job_ms=300):
    """The same requests answered with 202, each job done later by one of `slots` jobs' workers."""
    free = [0] * slots
    for request in requests:
        begin = max(heapq.heappop(free), request["answered_us"])
        request.update(status=202, done_us=begin + job_ms * MS)
        heapq.heappush(free, request["done_us"])
    return requests


def label(workers, threads):
    return "%d worker%s x %d thread%s" % (workers, "s" * (workers > 1), threads, "s" * (threads > 1))


def run(workers, threads, requests, server="clutch", cpu_s=0.3, **more):
    wall = max((request["done_us"] or request["answered_us"] or 0 for request in requests), default=0) / 1e6
    made = {
        "server": server,
        "version": "0.1.0",
        "label": label(workers, threads),
        "workers": workers,
        "threads": threads,
        "command": [server, "--workers", str(workers), "--threads", str(threads), "sleeping.py"],
        "ready_s": 0.2,
        "wall_s": wall,
        "cpu_s": cpu_s,
        "granted_cpus": 2.0,
        "pss_bytes": (9 + 8 * workers + threads) << 20,
        "processes": workers + 1,
        "error": None,
        "notes": [],
        "requests": requests,
        **more,
    }
    made["figures"] = figures.summarize(made)
    return made


def memory(preloaded=(1, 5, 10)):
    rows = [
        {
            "server": "clutch",
            "workers": count,
            "threads": 1,
            "preload": False,
            "pss_bytes": (10 + 9 * count) << 20,
            "processes": count + 1,
        }
        for count in (1, 2, 5, 10, 20)
    ]
    return rows + [
        {
            "server": "clutch",
            "workers": count,
            "threads": 1,
            "preload": True,
            "pss_bytes": (17 + 4 * count) << 20,
            "processes": count + 2,
        }
        for count in preloaded
    ]


def experiment(name, title, says, runs, **more):
    return {"name": name, "title": title, "app": name, "says": says, "runs": runs, "memory": [], **more}


def sleeping():
    settings = ((1, 1), (2, 1), (5, 1), (10, 1), (20, 1), (5, 4), (1, 20))
    runs = [run(workers, threads, simulate(workers, threads, 20, 20, 300)) for workers, threads in settings]
    runs.append(
        run(5, 1, without_server_figures(simulate(5, 1, 20, 20, 297, seed=2)), server="gunicorn", version="27.0.1")
    )
    return experiment(
        "sleeping",
        "Sleeping (I/O-bound)",
        [
            "As many requests run at once as there are workers times threads; the others wait.",
            "Threads serve all twenty at once as well as workers do, for a fraction of the memory.",
        ],
        runs,
        memory=memory(),
    )


def spinning():
    settings = ((1, 1), (2, 1), (5, 1), (1, 4))
    runs = [
        run(workers, threads, simulate(workers, threads, 20, 20, 60, cpus=2), cpu_s=1.2)
        for workers, threads in settings
    ]
    return experiment(
        "spinning",
        "Spinning (CPU-bound)",
        [
            "More workers than cores share the same cores: the last answer comes no earlier.",
            "Threads of one worker take turns at its GIL.",
        ],
        runs,
    )


def offloading():
    plain = run(5, 1, simulate(5, 1, 20, 20, 300), label="in the request: 5 workers x 1 thread")
    moved = run(5, 1, offloaded(simulate(5, 1, 20, 20, 2)), label="offloaded: 5 workers x 1 thread")
    return experiment(
        "offloading",
        "Offloading",
        ["Every caller is answered at once with 202.", "The work takes as long as before."],
        [plain, moved],
    )


def document(*experiments, **more):
    """A comparison with these experiments; all three of the seed's where none is given."""
    whole = {
        "format": 1,
        "made": "2026-11-26T03:00:00Z",
        "interrupted": False,
        "machine": {
            "cpus": 2,
            "granted_cpus": 2.0,
            "memory_bytes": 25276510208,
            "kernel": "6.1.0-44-amd64",
            "python": "3.11.7",
            "clutch": "0.1.0",
        },
        "load": {
            "clients": 20,
            "requests": 20,
            "method": "GET",
            "path": "/",
            "note": "the sleeping app sleeps 0.3 s where the original takes 10 s",
        },
        "experiments": list(experiments) or [sleeping(), spinning(), offloading()],
        "recommendations": [
            {
                "text": "20 callers, 5 workers: 15 wait. 20 threads serve all at once.",
                "experiment": "sleeping",
                "because": ["p95 304 ms instead of 1,210 ms", "3 MiB more"],
            },
            {
                "text": "CPU-bound: more than 2 workers on this 2-core machine gain 3 %.",
                "experiment": "spinning",
                "because": ["32.1 answers/s with 2 workers", "32.9 answers/s with 5"],
            },
        ],
    }
    return {**whole, **more}


def small():
    """Only the sleeping application."""
    return document(sleeping())


def many():
    """A thousand requests for each run."""
    runs = [run(workers, 1, simulate(workers, 1, 1000, 20, 300)) for workers in (1, 5, 20)]
    return document(experiment("sleeping", "A thousand requests", ["One.", "Two."], runs))


def failures():
    """A run that never started, one with failing answers, one with requests that were refused or cut short."""
    some = simulate(2, 1, 20, 20, 100)
    for request in some[5:8]:
        request["status"] = 500
    lost = simulate(2, 1, 12, 12, 100)
    for request in lost[8:10]:
        request.update(
            status=503,
            arrived_us=None,
            begun_us=None,
            queue_us=None,
            gil_us=None,
            app_us=None,
            write_us=None,
            worker=None,
            thread=None,
            pid=None,
        )
    for request in lost[10:]:
        request.update(status=None, answered_us=None, error="connection reset", app_us=None, write_us=None)
    trace = (
        'Traceback (most recent call last):\n  File "shop.py", line 3, in <module>\n    import '
        + HOSTILE
        + "\nImportError"
    )
    never = run(
        1, 1, [], error="the application could not be loaded:\n" + trace, pss_bytes=None, cpu_s=None, wall_s=None
    )
    return document(experiment("shop.py", "shop.py", [], [never, run(2, 1, some), run(2, 2, lost)]), recommendations=[])


def never_started():
    """One run, which had no answers because its server did not start."""
    never = run(
        1, 1, [], error="it did not start", wall_s=None, cpu_s=None, pss_bytes=None, processes=None, ready_s=None
    )
    return document(experiment("x", "x", ["One.", "Two."], [never]), recommendations=[], interrupted=True)


def hostile():
    """Every text that somebody else could have written is an attack."""
    bad = sleeping()
    bad.update(name=HOSTILE, title=HOSTILE, app=HOSTILE, says=[HOSTILE, HOSTILE])
    for one in bad["runs"]:
        one.update(label=HOSTILE, version=HOSTILE, command=[HOSTILE], notes=[HOSTILE])
        for request in one["requests"][:4]:
            request["error"] = HOSTILE
    bad["runs"][0]["server"] = HOSTILE
    bad["runs"][1]["error"] = HOSTILE
    bad["memory"][0]["server"] = HOSTILE
    whole = document(bad, recommendations=[{"text": HOSTILE, "because": [HOSTILE], "experiment": HOSTILE}])
    whole["machine"] = {key: HOSTILE if isinstance(value, str) else value for key, value in whole["machine"].items()}
    whole["load"].update(path=HOSTILE, note=HOSTILE, method=HOSTILE)
    return whole


def interrupted():
    """Ended by Ctrl-C in the second run; another experiment had not begun."""
    cut = simulate(5, 1, 20, 20, 300)
    for request in cut[10:]:
        request.update(status=None, answered_us=None, app_us=None, write_us=None, gil_us=None)
    first = experiment(
        "sleeping", "Sleeping", ["One.", "Two."], [run(1, 1, simulate(1, 1, 20, 20, 300)), run(5, 1, cut)]
    )
    return document(
        first, experiment("spinning", "Spinning", ["One.", "Two."], []), interrupted=True, recommendations=[]
    )


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        json.dump(document(), out)
