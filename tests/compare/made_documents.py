# SPDX-License-Identifier: MIT
"""Documents of comparisons made by rule instead of measured: what an ideal server would show for a known
application."""

import heapq

from compare import document, figures

MIB = 1 << 20
CLIENTS = 20
CPUS = 2.0


def make_run(
    workers, threads, app_s, cpu_s=0.0, requests=20, server="clutch", clients=CLIENTS, speed=1.0, base_mib=5.0, **more
):
    """A run in which every request sleeps app_s - cpu_s and computes `cpu_s`. Computing takes longer when more compute
    than there are CPUs, or GILs; `speed` divides all times. First come, first served."""
    places = workers * threads
    computing = min(workers, CPUS)
    busy = min(places, clients)
    stretch = max(1.0, busy * (cpu_s / app_s) / computing)
    inside_us = int((app_s - cpu_s + cpu_s * stretch) / speed * 1e6)
    free = [(0, index) for index in range(places)]
    callers = [(0, index) for index in range(clients)]
    made = []
    for number in range(1, requests + 1):
        sent, client = heapq.heappop(callers)
        ready, place = heapq.heappop(free)
        begun = max(sent, ready)
        end = begun + inside_us
        heapq.heappush(free, (end, place))
        heapq.heappush(callers, (end + 60, client))
        made.append(
            {
                **document.make_request(number, client + 1, sent),
                "answered_us": end + 50,
                "status": 200,
                "bytes": 4,
                "pid": 100,
                "worker": place // threads + 1,
                "thread": place % threads,
                "begun_us": begun,
                "app_us": inside_us,
            }
        )
        if server == "clutch":
            made[-1].update(arrived_us=sent, queue_us=begun - sent, gil_us=5, write_us=20)
    run = document.make_run(server, "1.0", workers, threads, CPUS)
    run.update(
        command=["clutch"],
        ready_s=0.1,
        requests=made,
        wall_s=max(request["answered_us"] for request in made) / 1e6,
        cpu_s=requests * cpu_s + 0.0005 * requests,
        pss_bytes=int((base_mib + 5 * workers + 0.2 * workers * threads) * MIB),
        processes=workers + 1,
    )
    run.update(more)
    run["figures"] = figures.summarize(run)
    return run


def make_experiment(name, runs, memory=()):
    return {
        **document.make_experiment(name, name.title(), name, ["One.", "Two."]),
        "runs": runs,
        "memory": list(memory),
    }


def make_memory(workers, plain_mib, preload_mib):
    return [
        {
            "server": "clutch",
            "workers": workers,
            "threads": 1,
            "preload": preload,
            "pss_bytes": int(size * MIB),
            "processes": workers + 1,
        }
        for preload, size in ((False, plain_mib), (True, preload_mib))
    ]


def make_document(*experiments, **more):
    machine = {
        "cpus": 2,
        "granted_cpus": CPUS,
        "memory_bytes": 4 << 30,
        "kernel": "6.1",
        "python": "3.11.7",
        "clutch": "0.1.0",
    }
    made = document.make_document(
        machine, {"clients": CLIENTS, "requests": 20, "method": "GET", "path": "/", "note": None}
    )
    made["experiments"] = list(experiments)
    made.update(more)
    return made


def sleeping(app_s=0.3, settings=((1, 1), (2, 1), (5, 1), (10, 1), (20, 1), (5, 4), (1, 20))):
    """Requests that only wait."""
    return make_experiment("sleeping", [make_run(*setting, app_s) for setting in settings], make_memory(5, 50, 20))


def spinning(settings=((1, 1), (2, 1), (5, 1), (1, 5)), requests=40):
    """Requests that only compute, 0.1 s each."""
    return make_experiment("spinning", [make_run(*setting, 0.1, 0.1, requests) for setting in settings])


def mixed():
    return make_experiment(
        "mixed", [make_run(*setting, 0.1, 0.04, 40) for setting in ((1, 1), (2, 1), (5, 1), (1, 5), (2, 5))]
    )


def failing():
    """One setting is not loaded, one answers every fourth request with 500, one works."""
    broken = make_run(1, 1, 0.3)
    for request in broken["requests"][::4]:
        request["status"] = 500
    broken["figures"] = figures.summarize(broken)
    unloaded = make_run(2, 1, 0.3)
    unloaded.update(
        requests=[],
        error="exit status 3\nTraceback (most recent call last):\nImportError: no shop",
        wall_s=None,
        cpu_s=None,
        pss_bytes=None,
        figures=figures.summarize({}),
    )
    return make_experiment("failing", [broken, unloaded, make_run(5, 1, 0.3)])


def tiny():
    return make_experiment("tiny", [make_run(workers, 1, 0.002, requests=4) for workers in (1, 2)])


def with_peers():
    """granian is a quarter faster and smaller, waitress a little slower; bjoern cannot be compared."""
    runs = [make_run(1, 1, 0.1), make_run(1, 4, 0.1)]
    runs += [
        make_run(1, 4, 0.1, server="granian", speed=1.25, base_mib=2.0),
        make_run(1, 4, 0.1, server="waitress", speed=0.98),
    ]
    runs.append({**document.make_run("bjoern", "3.2", 1, 4, CPUS), "error": "bjoern has no threads"})
    return make_experiment("peers", runs)


def offloaded():
    """The same work answered with 202 at once and done later."""
    quick = make_run(5, 1, 0.004)
    quick["label"] = "Celery x 2, 5 workers x 1 thread"
    for request in quick["requests"]:
        request.update(status=202, done_us=request["sent_us"] + 1_250_000)
    quick["figures"] = figures.summarize(quick)
    return make_experiment("offloading", [make_run(5, 1, 0.3), quick])


ALL = {
    "sleeping": sleeping,
    "long": lambda: sleeping(10.0),
    "spinning": spinning,
    "mixed": mixed,
    "failing": failing,
    "tiny": tiny,
    "peers": with_peers,
    "offloaded": offloaded,
    "one setting": lambda: sleeping(settings=((5, 1),)),
    "nothing": lambda: make_experiment("nothing", []),
}
