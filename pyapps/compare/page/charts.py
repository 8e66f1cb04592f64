# SPDX-License-Identifier: MIT
"""Charts of an experiment as plotly figures: what changes with workers and threads, for clutch and the other servers.

Settings stand side by side, in the order in which they were run; each server has a colour and, within a setting, a place. All figures
are those of run["figures"]. Colours are names ("@server0"); every point has its text in "texts", which page.js shows on hover and
tells the keyboard's user."""

HEIGHT = 320
SERIES_SPREAD = 0.76
PERCENTILES = ("p50", "p95", "p99")
SYMBOLS = ("circle", "diamond", "triangle-up")
PATTERNS = ("", "/", "x", "-", "|", ".", "+")
MIB = 1 << 20


def figures_of(run):
    return run.get("figures") or {}


def setting(run):
    return run["workers"], run["threads"]


def settings_of(runs):
    """Returns the settings (workers, threads) of the runs, each once, in the order of their first run."""
    return list(dict.fromkeys(setting(run) for run in runs))


def servers_of(experiment):
    """Returns the names of the servers of an experiment, clutch first."""
    names = dict.fromkeys(row["server"] for row in experiment.get("runs", []) + (experiment.get("memory") or []))
    return sorted(names, key=lambda name: name != "clutch")


def setting_name(workers, threads):
    return "%d×%d" % (workers, threads)


def axes(settings, unit, **yaxis):
    """Returns the layout of a chart with the settings along x and `unit` as title of y."""
    plain = all(threads == 1 for _, threads in settings)
    names = [str(workers) if plain else setting_name(workers, threads) for workers, threads in settings]
    return {
        "height": HEIGHT, "margin": {"l": 62, "r": 12, "t": 12, "b": 52}, "barmode": "overlay",
        "xaxis": {"tickvals": list(range(len(names))), "ticktext": names, "range": [-0.55, len(names) - 0.45], "showgrid": False,
                  "title": {"text": "workers" if plain else "workers × threads", "standoff": 8}},
        "yaxis": {"rangemode": "tozero", "title": {"text": unit, "standoff": 8}, **yaxis},
    }


def place(position, series, among):
    """Returns the x of a series' mark at a setting."""
    return round(position + (series + 0.5) * SERIES_SPREAD / among - SERIES_SPREAD / 2, 4)


def found(value, path):
    """Returns the figure at a path such as "client_ms.p50", None where it or what it is in is not there."""
    for key in path.split("."):
        value = value.get(key) if value else None
    return value


def who(run):
    return "%s, %s" % (run["server"], run.get("label") or setting_name(*setting(run)))


def bars(experiment, path, unit, scale=1.0, says="%s: %.4g %s"):
    """Returns a chart of one figure of each run as bars, None when no run has it."""
    runs, servers = experiment["runs"], servers_of(experiment)
    settings, data = settings_of(runs), []
    for at, server in enumerate(servers):
        have = [run for run in runs if run["server"] == server and found(figures_of(run), path) is not None]
        values = [round(found(figures_of(run), path) * scale, 4) for run in have]
        pattern = {"pattern": {"shape": PATTERNS[at % len(PATTERNS)], "size": 6, "solidity": 0.25, "fgcolor": "@page"}} if at else {}
        data.append({"type": "bar", "name": "bars", "x": [place(settings.index(setting(run)), at, len(servers)) for run in have], "y": values,
                     "width": SERIES_SPREAD / len(servers) * 0.86, "marker": {"color": "@server%d" % min(at, 6), **pattern},
                     "texts": [says % (who(run), value, unit) for run, value in zip(have, values)], "hoverinfo": "text"})
    data = [one for one in data if one["x"]]
    return {"data": data, "layout": axes(settings, unit)} if data else None


def ranges(experiment, paths, unit="milliseconds"):
    """Returns a chart of p50, p95 and p99 as marks joined by a line, for each run and each of paths {"client_ms": "by ..."}; the first
    path's marks are filled, those of the others hollow. None when no run has any."""
    runs = experiment["runs"]
    settings, series = settings_of(runs), []
    for at, server in enumerate(servers_of(experiment)):
        for path, clock in paths.items():
            have = [run for run in runs if run["server"] == server and found(figures_of(run), path)]
            if have:
                series.append((at, path, clock, have))
    data = [range_trace(experiment, settings, number, len(series), *one, hollow=one[1] != next(iter(paths)))
            for number, one in enumerate(series)]
    return {"data": data, "layout": axes(settings, unit)} if data else None


def range_trace(experiment, settings, number, among, at, path, clock, runs, hollow):
    xs, ys, texts, symbols = [], [], [], []
    for run in runs:
        spread = figures_of(run)[path]
        xs += [place(settings.index(setting(run)), number, among)] * 3 + [None]
        ys += [spread[name] for name in PERCENTILES] + [None]
        texts += ["%s: %s %.6g ms, %s" % (who(run), name, spread[name], clock) for name in PERCENTILES] + [None]
        symbols += [symbol + ("-open" if hollow else "") for symbol in SYMBOLS] + ["circle"]
    color = "@server%d" % min(at, 6)
    return {"type": "scatter", "mode": "lines+markers", "name": path, "x": xs, "y": ys, "texts": texts, "hoverinfo": "text",
            "line": {"color": color, "width": 1.5, "dash": "dot" if hollow else "solid"},
            "marker": {"color": color, "size": 9, "symbol": symbols, "line": {"width": 1.5, "color": color}}}


def memory(experiment):
    """Returns a chart of PSS against workers, a line for each server, dashed with --preload; None without figures."""
    rows = [row for row in experiment.get("memory") or [] if row.get("pss_bytes") is not None]
    servers = servers_of(experiment)
    counts = sorted({row["workers"] for row in rows})
    data = []
    for at, server in enumerate(servers):
        for preload in (False, True):
            mine = sorted((row for row in rows if row["server"] == server and bool(row.get("preload")) == preload),
                          key=lambda row: row["workers"])
            if mine:
                data.append(memory_trace(mine, counts, at, preload))
    return {"data": data, "layout": axes([(count, 1) for count in counts], "MiB of PSS, all processes")} if data else None


def memory_trace(rows, counts, at, preload):
    color = "@server%d" % min(at, 6)
    values = [round(row["pss_bytes"] / MIB, 2) for row in rows]
    texts = ["%s, %d workers%s: %.4g MiB, %s processes" % (row["server"], row["workers"], " with --preload" if preload else "", value,
                                                       row.get("processes")) for row, value in zip(rows, values)]
    return {"type": "scatter", "mode": "lines+markers", "name": "preload" if preload else "plain", "x": [counts.index(row["workers"]) for row in rows],
            "y": values, "texts": texts, "hoverinfo": "text", "line": {"color": color, "width": 2, "dash": "dash" if preload else "solid"},
            "marker": {"color": color, "size": 9, "symbol": "square-open" if preload else "circle", "line": {"width": 2, "color": color}}}


def cpu(experiment):
    """Returns the chart of the CPU time used as a part of what was granted."""
    chart = bars(experiment, "cpu_share", "per cent of the CPU granted", scale=100, says="%s: %.3g %s")
    if chart:
        top = max(value for one in chart["data"] for value in one["y"])
        chart["layout"]["yaxis"]["range"] = [0, max(105, top * 1.05)]
    return chart


def charts(experiment):
    """Returns the charts of an experiment that have figures: [(name, figure)]."""
    clocks = {"client_ms": "by the client's clock", "server_ms": "by clutch's own"}
    made = [("throughput", bars(experiment, "per_second", "answers per second")),
            ("latency", ranges(experiment, clocks)),
            ("queue", ranges(experiment, {"queue_ms": "waiting for a free app thread"})),
            ("gil", ranges(experiment, {"gil_ms": "waiting for the GIL"})),
            ("cpu", cpu(experiment)),
            ("memory", memory(experiment)),
            ("done", ranges(experiment, {"done_ms": "from the call to the job's result"}))]
    return [(name, figure) for name, figure in made if figure]
