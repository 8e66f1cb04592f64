# SPDX-License-Identifier: MIT
"""The sentences of the page, computed from the figures of a comparison: headlines, what peers do better, what two
clocks say.

All return plain text; the template escapes it."""

import shlex

from ..figures import DISTURBED_SHARE
from .charts import MIB, figures_of, found, is_offloaded, series_of, setting, variant

SAME = 0.03
PLATEAU = 0.95
GIB = 1 << 30
NARROW = "\N{NO-BREAK SPACE}"
TYPICAL_WORKERS = 5
USUAL_CLIENTS = 20
USUAL_PATHS = (None, "/", "/?param=Request_N")


def number(value, digits=3):
    """Returns a figure with three significant digits, thousands with commas; a dash for None. From 1 on the digits are
    all written, as in "3.00", so that figures of the same size look alike."""
    if value is None:
        return "–"
    if isinstance(value, int) or abs(value) >= 99.95:
        return format(round(value), ",")
    if abs(value) >= 0.9995:
        return "%.*f" % (1 if abs(value) >= 9.995 else 2, value)
    text = "%.*g" % (digits, value)
    return text if "e" not in text else ("%.6f" % value).rstrip("0").rstrip(".")


def duration(milliseconds):
    """Returns a duration with its unit, which stays on the number's line: "0.12 ms", "301 ms", "6.01 s"."""
    if milliseconds is None:
        return "–"
    return number(milliseconds) + NARROW + "ms" if milliseconds < 999.5 else number(milliseconds / 1000) + NARROW + "s"


def memory_size(size):
    if size is None:
        return "–"
    return number(size / MIB) + NARROW + "MiB" if size < GIB else number(size / GIB) + NARROW + "GiB"


def cpu_time(seconds):
    return number(seconds) + NARROW + "s"


def counted(count, noun):
    return "%d %s%s" % (count, noun, "" if count == 1 else "s")


def shape(run):
    """Returns "5 workers", or "5 workers × 4 threads" where there is more than one thread."""
    workers = counted(run["workers"], "worker")
    return workers if run["threads"] == 1 else "%s × %s" % (workers, counted(run["threads"], "thread"))


def title(run, has_peers=False):
    """Returns what a picture of a run is called: its setting, how it offloads; its server where others are there."""
    names = (run["server"] if has_peers else "", shape(run), variant(run))
    return ", ".join(name for name in names if name)


def ours(experiment):
    """Returns the runs of clutch that have answers."""
    return [
        run
        for run in experiment["runs"]
        if run["server"] == "clutch" and found(figures_of(run), "client_ms.p95") is not None
    ]


def size(run):
    return run["workers"] * run["threads"]


def headline_run(document):
    """Returns (index of the experiment, index of the run) that shows best how callers wait: one of clutch in which some
    run and some wait, with five workers if there is one; None without such a run."""
    candidates = [
        (at, number_)
        for at, experiment in enumerate(document["experiments"])
        for number_, run in enumerate(experiment["runs"])
        if run["server"] == "clutch" and figures_of(run).get("running_most") and figures_of(run).get("waiting_most")
    ]

    def rank(candidate):
        run = document["experiments"][candidate[0]]["runs"][candidate[1]]
        return candidate[0], abs(run["workers"] - TYPICAL_WORKERS), run["threads"], candidate[1]

    return min(candidates, key=rank, default=None)


def experiment_headline(experiment):
    """Returns what the experiment found, in one sentence: what more workers and threads bring, and from where on
    nothing."""
    runs = ours(experiment)
    moved = [run for run in runs if is_offloaded(run) and found(figures_of(run), "done_ms.p95") is not None]
    if moved:
        return offloading_headline(moved[0], [run for run in runs if run not in moved])
    if len(runs) < 2:
        return one_run_headline(runs)
    first = min(runs, key=size)
    best = max(runs, key=rate)
    enough = min(
        (run for run in runs if rate(run) >= PLATEAU * rate(best)), key=lambda run: (size(run), run["workers"])
    )
    gain = rate(best) / rate(first) if rate(first) else 0
    if not gain or enough is first or gain < 1 + SAME:
        return "More than %s gains %s: %s answers/s, %s at best" % (
            shape(first),
            "nothing" if gain < 1 + SAME else "little",
            number(rate(first)),
            number(rate(best)),
        )
    return "%s: the slowest answer takes %s; %s: %s%s" % (
        shape(first),
        duration(found(figures_of(first), "client_ms.max")),
        shape(enough),
        duration(found(figures_of(enough), "client_ms.max")),
        gain_beyond(enough, runs),
    )


def gain_beyond(enough, runs):
    """Returns what settings with more places than this one gain, in answers per second; "" without such."""
    larger = [rate(run) for run in runs if size(run) > size(enough)]
    if not larger:
        return ""
    gain = round(100 * (max(larger) / rate(enough) - 1))
    return "; larger settings gain " + ("at most %d %%" % gain if gain > 0 else "nothing")


def rate(run):
    return figures_of(run).get("per_second") or 0


def one_run_headline(runs):
    if not runs:
        return "No answers were measured"
    return "%s: %s answers/s, 95 %% within %s" % (
        shape(runs[0]),
        number(rate(runs[0])),
        duration(found(figures_of(runs[0]), "client_ms.p95")),
    )


def offloading_headline(moved, others):
    answered, done = found(figures_of(moved), "client_ms.p95"), found(figures_of(moved), "done_ms.p95")
    text = "Offloaded, 95 % of the callers have their answer within {}, and the result after {}".format(
        duration(answered), duration(done)
    )
    same = [run for run in others if setting(run) == setting(moved)] or others
    return text + (
        "; in the request it took %s" % duration(found(figures_of(same[0]), "client_ms.p95")) if same else ""
    )


def peers(experiment):
    """Returns how each other server compares with clutch at the same setting: [{"server", "shape", "wins": [text],
    "loses": [text]}]. A figure counts as better from 3 % on."""
    clutch = {(setting(run), is_offloaded(run)): run for run in ours(experiment)}
    rows = []
    for run in experiment["runs"]:
        other = clutch.get((setting(run), is_offloaded(run)))
        if run["server"] != "clutch" and other and found(figures_of(run), "client_ms.p95") is not None:
            rows.append({"server": series_of(run), "shape": shape(run), **contest(run, other)})
    return rows


def contest(peer, clutch):
    """Returns {"wins": where the peer is better, "loses": where clutch is, "same": ...}, each a list of texts with both
    figures."""
    matches = (
        ("answers per second", rate(peer), rate(clutch), True, number),
        ("median answer", *both(peer, clutch, "client_ms.p50"), False, duration),
        ("p95", *both(peer, clutch, "client_ms.p95"), False, duration),
        ("memory", peer.get("pss_bytes"), clutch.get("pss_bytes"), False, memory_size),
        ("CPU time", peer.get("cpu_s"), clutch.get("cpu_s"), False, cpu_time),
    )
    verdict = {"wins": [], "loses": [], "same": []}
    for name, theirs, ours_, more_is_better, text in matches:
        if theirs is None or ours_ is None:
            continue
        better, worse = (theirs, ours_) if more_is_better else (ours_, theirs)
        margin = (better - worse) / max(abs(better), abs(worse), 1e-9)
        kind = "wins" if margin > SAME else "loses" if margin < -SAME else "same"
        verdict[kind].append("%s %s, clutch %s" % (name, text(theirs), text(ours_)))
    return verdict


def side_by_side(experiment):
    """Returns the settings that clutch and another server ran, with the figures that matter: [{"shape", "rows":
    [{"run": index, "server", "version", "cells": [(path of the figure or "", text, whether it is the best or within 3 %
    of it)]}]}]."""
    groups = {}
    for at, run in enumerate(experiment["runs"]):
        if rate(run):
            groups.setdefault(setting(run), []).append((at, run))
    several = [
        runs
        for runs in groups.values()
        if "clutch" in (run["server"] for _, run in runs) and len({run["server"] for _, run in runs}) > 1
    ]
    return [
        {
            "shape": shape(runs[0][1]),
            "rows": [
                {
                    "run": at,
                    "server": series_of(run),
                    "version": run.get("version") or "",
                    "cells": [cell(run, column, runs) for column in SIDE],
                }
                for at, run in runs
            ],
        }
        for runs in several
    ]


def cell(run, column, runs):
    """Returns (path, text, whether it is best) of a run's figure in a column of SIDE, among runs [(index, run)]."""
    path, _, more_is_better, text = column
    values = [value for value in (measured(other, path) for _, other in runs) if value is not None]
    value = measured(run, path)
    if value is None:
        return path, "–", False
    best_ = max(values) if more_is_better else min(values)
    return path, text(value), abs(value - best_) <= SAME * max(value, best_)


def measured(run, path):
    return run.get(path) if path in ("pss_bytes", "cpu_s") else found(figures_of(run), path)


def both(peer, clutch, path):
    return found(figures_of(peer), path), found(figures_of(clutch), path)


def clocks(experiment):
    """Returns what the client's clock and clutch's own say where they differ most: {"run": index, "client", "server",
    "shape"}, all in milliseconds; None where clutch's own figures are missing."""
    rows = [
        {
            "run": at,
            "shape": shape(run),
            "client": found(figures_of(run), "client_ms.p50"),
            "server": found(figures_of(run), "server_ms.p50"),
        }
        for at, run in enumerate(experiment["runs"])
    ]
    rows = [row for row in rows if row["client"] is not None and row["server"] is not None]
    return max(rows, key=lambda row: abs(row["client"] - row["server"]), default=None)


def command(document):
    """Returns the command line that repeats the comparison: the document's own, else one made from its load and
    settings."""
    if document.get("command"):
        return shlex.join(document["command"])
    experiments, load = document["experiments"], document.get("load", {})
    words = ["setup/compare"]
    runs = [run for experiment in experiments for run in experiment["runs"]]
    if len(experiments) == 1 and runs:
        words += [experiments[0]["app"], "--workers", numbers(runs, "workers"), "--threads", numbers(runs, "threads")]
    words += ["--clients", str(load["clients"])] if load.get("clients", USUAL_CLIENTS) != USUAL_CLIENTS else []
    words += ["--requests", str(load["requests"])] if load.get("requests") != load.get("clients") else []
    if len(experiments) == 1:
        words += [] if load.get("path") in USUAL_PATHS else ["--path", load["path"]]
        words += [] if load.get("method", "GET") == "GET" else ["--method", load["method"]]
    others = list(dict.fromkeys(run["server"] for run in runs if run["server"] != "clutch"))
    return shlex.join(words + (["--with", ",".join(others)] if others else []))


def numbers(runs, key):
    return ",".join(str(value) for value in sorted({run[key] for run in runs}))


def advice_of(document, experiment):
    """Returns the recommendations that belong to an experiment."""
    return [one for one in document["recommendations"] if one["experiment"] == experiment["name"]]


def rank(advice):
    """Returns what sorts recommendations: what to deploy, then the others, then what `disturbance` says of all anyway."""
    return not advice["text"].startswith("Deploy "), advice["text"].endswith(": measure again on an idle machine.")


def first_advice(document):
    """Returns what to say first: of each experiment what to deploy, or else its first recommendation that is more than
    what stands on top, with "at", the experiment's index, and its "title"; then those that belong to none, with "at"
    None."""
    names = {experiment["name"] for experiment in document["experiments"]}
    firsts = [
        {
            **min(advice_of(document, experiment), key=rank),
            "at": at,
            "title": experiment["title"],
        }
        for at, experiment in enumerate(document["experiments"])
        if advice_of(document, experiment)
    ]
    return firsts + [{**one, "at": None} for one in document["recommendations"] if one["experiment"] not in names]


def disturbance(document):
    """Returns what to say of a machine that did something else meanwhile; None where it did not, or nobody knows."""
    runs = [run for experiment in document["experiments"] for run in experiment["runs"]]
    shares = [share for share in (run.get("other_cpu_share") or 0 for run in runs) if share >= DISTURBED_SHARE]
    if not shares:
        return None
    return (
        "Something else used up to %.0f%s%% of the CPUs while %d of %s were measured. Measure again when it does not."
        % (
            100 * max(shares),
            NARROW,
            len(shares),
            counted(len(runs), "run"),
        )
    )


def pieces(text):
    """Returns a text with `commands` in backticks as [(whether it is a command, text)]."""
    return [(bool(at % 2), piece) for at, piece in enumerate(text.split("`")) if piece]


SIDE = (
    ("per_second", "Answers per second", True, number),
    ("client_ms.p50", "Median answer", False, duration),
    ("client_ms.p95", "p95", False, duration),
    ("pss_bytes", "Memory", False, memory_size),
    ("cpu_s", "CPU time", False, cpu_time),
)
