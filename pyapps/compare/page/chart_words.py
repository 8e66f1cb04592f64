# SPDX-License-Identifier: MIT
"""What the charts of an experiment show, each in one line, and what no picture shows of the GIL."""

from .charts import figures_of, found, setting
from .words import NARROW, SAME, counted, duration, memory_size, number, ours, shape, size, title

SHORT_MS = 1.0
IDLE_SHARE = 0.05
LONGER = 1.2


def headline(name, experiment):
    """Returns what a chart of charts.charts shows, in one line."""
    runs = [run for run in experiment["runs"] if figures_of(run)]
    return {
        "throughput": lambda: best(runs, "per_second", "%s answers per second at most", number),
        "latency": lambda: extremes(runs, "client_ms.p95", "95 % answered within"),
        "queue": lambda: unless_short(runs, "queue_ms.p95", "in the queue"),
        "app": lambda: in_application(runs),
        "gil": lambda: unless_short(runs, "gil_ms.p95", "for the GIL"),
        "done": lambda: extremes(runs, "done_ms.p95", "95 % of the results there after"),
        "cpu": lambda: cpu_used(runs),
        "memory": lambda: memory(experiment),
    }[name]()


def best(runs, path, text, shown):
    """Returns the text with the greatest figure, and whose it is: its run's, or how many runs are as good and which of
    them is the smallest."""
    have = [run for run in runs if found(figures_of(run), path) is not None]
    top = max(found(figures_of(run), path) for run in have)
    same = [run for run in have if found(figures_of(run), path) >= (1 - SAME) * top]
    least = min(same, key=lambda run: (size(run), run["workers"]))
    text = text % shown(top)
    if len(same) == 1:
        return "%s, %s" % (text, named(least))
    which = "all" if len(same) == len(have) else "%d of %d" % (len(same), len(have))
    return "%s; %s are within %d %% of it, the smallest %s" % (text, which, SAME * 100, named(least)[len("with ") :])


def cpu_used(runs):
    def per_cent(share):
        return number(share * 100) + NARROW + "%"

    top = max(found(figures_of(run), "cpu_share") or 0 for run in runs)
    if top < IDLE_SHARE:
        return "Next to no CPU: at most %s of that granted" % per_cent(top)
    return best(runs, "cpu_share", "%s of the CPU granted at most", per_cent)


def in_application(runs):
    """Returns how the time in the application differs between runs."""
    have = [run for run in runs if found(figures_of(run), "app_ms.p50") is not None]
    least, most = (choose(have, key=lambda run: found(figures_of(run), "app_ms.p50")) for choose in (min, max))
    low, high = (found(figures_of(run), "app_ms.p50") for run in (least, most))
    if high <= LONGER * low or high < SHORT_MS:
        return "About as long with every setting: median %s at most" % duration(high)
    return "Median %s %s, %s %s" % (duration(low), named(least), duration(high), named(most))


def gil_note(experiment):
    """Returns what the pictures do not show of the GIL: waits inside the application; None where no thread waited. With
    figures where requests take longer beside other threads."""
    runs = [run for run in ours(experiment) if found(figures_of(run), "app_ms.mean") is not None]
    several = max((run for run in runs if run["threads"] > 1), key=mean_app, default=None)
    if several is None:
        return None
    note = (
        "Waiting for the GIL is shown as such only until the application is entered. A thread that computes there "
        "gives the GIL up every 5 ms when another one wants it, and one that has slept has to wait for it again; no "
        "server sees these waits, so they count as time in the application"
    )
    alone = next((run for run in runs if setting(run) == (several["workers"], 1)), None)
    if alone is None or mean_app(several) <= LONGER * mean_app(alone):
        waited = max(found(figures_of(run), "gil_ms.p95") or 0 for run in runs)
        return note + "." if waited >= SHORT_MS else None
    return note + ": on average %s with %s, %s with %s." % (
        duration(mean_app(several)),
        shape(several),
        duration(mean_app(alone)),
        shape(alone),
    )


def mean_app(run):
    return found(figures_of(run), "app_ms.mean")


def named(run):
    return "with " + title(run, has_peers=run["server"] != "clutch")


def extremes(runs, path, text):
    have = sorted(
        (run for run in runs if found(figures_of(run), path) is not None), key=lambda run: found(figures_of(run), path)
    )
    least, most = have[0], have[-1]
    if least is most:
        return "%s %s %s" % (text, duration(found(figures_of(least), path)), named(least))
    return "%s %s %s, %s %s" % (
        text,
        duration(found(figures_of(least), path)),
        named(least),
        duration(found(figures_of(most), path)),
        named(most),
    )


def unless_short(runs, path, where):
    most = max(found(figures_of(run), path) for run in runs if found(figures_of(run), path) is not None)
    if most < SHORT_MS:
        return "No wait worth mentioning %s: 95 %% at most %s" % (where, duration(most))
    return extremes(runs, path, "95 %% wait %s at most" % where)


def memory(experiment):
    """Returns what --preload saves at the most workers for which both were measured, else what the most workers
    take."""
    rows = [row for row in experiment.get("memory") or [] if row.get("pss_bytes") is not None]
    sizes = {(row["server"], row["workers"], bool(row.get("preload"))): row["pss_bytes"] for row in rows}
    rows = [row for row in rows if row["server"] == "clutch"] or rows
    pairs = [(workers, server) for server, workers, preload in sizes if preload and (server, workers, False) in sizes]
    if pairs:
        workers, server = max(pairs)
        plain, preloaded = (memory_size(sizes[server, workers, preload]) for preload in (False, True))
        return "%s: %s, with --preload %s" % (counted(workers, "worker"), plain, preloaded)
    row = max(rows, key=lambda row: row["workers"])
    return "%s: %s" % (counted(row["workers"], "worker"), memory_size(row["pss_bytes"]))
