# SPDX-License-Identifier: MIT
"""Charts of an experiment as plotly figures: what changes with workers and threads, for clutch and the other servers.

Settings stand side by side, in the order in which they were run; each server has a colour and, within a setting, a
place. All figures are those of run["figures"]. Colours are names ("@server0"); every point has its text in "texts",
which page.js shows on hover and tells the keyboard's user."""

from ..document import describe_setting

HEIGHT = 320
SERIES_SPREAD = 0.76
PERCENTILES = ("p50", "p95", "p99")
SYMBOLS = (("circle", "circle-open"), ("diamond", "diamond-open"), ("line-ew", "line-ew-open"))
PATTERNS = ("", "/", "x", "-", "|", ".", "+")
MIB = 1 << 20
ACCEPTED = 202
WIDEST_BAR = 0.5
HUES = 7
CPU_TOPS = (10, 25, 50)
TICK_SHARE = 1 / 30


def figures_of(run):
    return run.get("figures") or {}


def setting(run):
    return run["workers"], run["threads"]


def settings_of(runs):
    """Returns the settings (workers, threads) of the runs, each once, in the order of their first run."""
    return list(dict.fromkeys(setting(run) for run in runs))


def is_offloaded(run):
    """Whether the run's application leaves the work to somebody else and answers 202."""
    return any(
        request.get("done_us") is not None or request.get("status") == ACCEPTED for request in run.get("requests") or []
    )


def variant(run):
    """Returns how a run offloads, "" where it does not: what its label says besides the setting."""
    if not is_offloaded(run):
        return ""
    return (run.get("label") or "").replace(describe_setting(*setting(run)), "").strip(" ,:") or "offloaded"


def series_of(run):
    """Returns the name under which a run stands in charts: its server, and how it offloads."""
    return ", ".join(name for name in (run["server"], variant(run)) if name)


def hue(position):
    """Returns the number of the colour of a series, by its position among the experiment's; the last colour serves all
    beyond."""
    return min(position, HUES - 1)


def servers_of(experiment):
    """Returns the names of the series of an experiment, clutch first; a row of memory belongs to its server's."""
    names = dict.fromkeys(
        [series_of(run) for run in experiment["runs"]] + [row["server"] for row in experiment.get("memory") or []]
    )
    return sorted(names, key=lambda name: name != "clutch")


def setting_name(workers, threads):
    return "%d×%d" % (workers, threads)


def axes(settings, unit, **yaxis):
    """Returns the layout of a chart with the settings along x and `unit` as title of y."""
    plain = all(threads == 1 for _, threads in settings)
    names = [str(workers) if plain else setting_name(workers, threads) for workers, threads in settings]
    return {
        "height": HEIGHT,
        "margin": {"l": 62, "r": 12, "t": 12, "b": 52},
        "barmode": "overlay",
        "xaxis": {
            "tickvals": list(range(len(names))),
            "ticktext": names,
            "range": [-0.55, len(names) - 0.45],
            "showgrid": False,
            "title": {"text": "workers" if plain else "workers × threads", "standoff": 8},
        },
        "yaxis": {"rangemode": "tozero", "title": {"text": unit, "standoff": 8}, **yaxis},
    }


def places(settings, series):
    """Returns {(number of a series, setting): x} for series that are lists of runs: those that have a setting share its
    room, as many times the same step as a setting has at most."""
    present = {one: [number for number, runs in enumerate(series) if one in map(setting, runs)] for one in settings}
    step = SERIES_SPREAD / max([1, *map(len, present.values())])
    return {
        (number, one): round(at + (order - (len(present[one]) - 1) / 2) * step, 4)
        for at, one in enumerate(settings)
        for order, number in enumerate(present[one])
    }, step


def found(value, path):
    """Returns the figure at a path such as "client_ms.p50", None where it or what it is in is not there."""
    for key in path.split("."):
        value = value.get(key) if value else None
    return value


def who(run):
    return "%s, %s" % (series_of(run), run.get("label") or setting_name(*setting(run)))


def bars(experiment, path, unit, scale=1.0, says="%s: %.4g %s"):
    """Returns a chart of one figure of each run as bars, None when no run has it."""
    settings = settings_of(experiment["runs"])
    series = [(at, having(experiment, server, path)) for at, server in enumerate(servers_of(experiment))]
    series = [(at, runs) for at, runs in series if runs]
    xs, step = places(settings, [runs for _, runs in series])
    data = []
    for number, (at, runs) in enumerate(series):
        values = [round(found(figures_of(run), path) * scale, 4) for run in runs]
        color = "@server%d" % hue(at)
        pattern = (
            {
                "pattern": {
                    "shape": PATTERNS[at % len(PATTERNS)],
                    "size": 7,
                    "solidity": 0.2,
                    "fgcolor": "@page",
                    "bgcolor": color,
                }
            }
            if at
            else {}
        )
        data.append(
            {
                "type": "bar",
                "name": "bars",
                "x": [xs[number, setting(run)] for run in runs],
                "y": values,
                "width": min(WIDEST_BAR, step * 0.86),
                "marker": {"color": color, "line": {"width": 0}, **pattern},
                "hoverinfo": "text",
                "texts": [says % (who(run), value, unit) for run, value in zip(runs, values)],
            }
        )
    return {"data": data, "layout": axes(settings, unit)} if data else None


def having(experiment, server, path):
    """Returns the runs of a server that have the figure at a path."""
    return [run for run in experiment["runs"] if series_of(run) == server and found(figures_of(run), path) is not None]


def ranges(experiment, paths):
    """Returns a chart of p50, p95 and p99 as marks joined by a line, for each run and each of paths {"client_ms": "by
    ..."}; the first path's marks are filled, those of the others hollow. None when no run has any."""
    settings = settings_of(experiment["runs"])
    series = [
        (at, path, clock, having(experiment, server, path))
        for at, server in enumerate(servers_of(experiment))
        for path, clock in paths.items()
    ]
    series = [one for one in series if one[3]]
    if not series:
        return None
    xs, _ = places(settings, [one[3] for one in series])
    most = max(figures_of(run)[path]["p99"] for _, path, _, runs in series for run in runs)
    scale, unit = (1000, "seconds") if most >= 1000 else (1, "milliseconds")
    data = [
        range_trace(
            lambda run, number=number: xs[number, setting(run)], scale, *one, hollow=one[1] != next(iter(paths))
        )
        for number, one in enumerate(series)
    ]
    top = max(most / scale, 1 if scale == 1 else 0)
    return {
        "data": data,
        "layout": axes(settings, unit, range=[round(-0.045 * top, 6), round(1.07 * top, 6)], zeroline=True),
    }


def range_trace(x_of, scale, at, path, clock, runs, hollow):
    xs, ys, texts, symbols = [], [], [], []
    for run in runs:
        spread = figures_of(run)[path]
        xs += [x_of(run)] * 3 + [None]
        ys += [spread[name] / scale for name in PERCENTILES] + [None]
        texts += ["%s: %s %.6g ms, %s" % (who(run), name, spread[name], clock) for name in PERCENTILES] + [None]
        symbols += [pair[hollow] for pair in SYMBOLS] + ["circle"]
    color = "@server%d" % hue(at)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": path,
        "x": xs,
        "y": ys,
        "texts": texts,
        "hoverinfo": "text",
        "cliponaxis": False,
        "line": {"color": color, "width": 1.5, "dash": "dot" if hollow else "solid"},
        "marker": {"color": color, "size": 9, "symbol": symbols, "line": {"width": 1.5, "color": color}},
    }


def memory(experiment):
    """Returns a chart of PSS against workers, a line for each server, dashed with --preload; None without figures."""
    rows = [row for row in experiment.get("memory") or [] if row.get("pss_bytes") is not None]
    servers = servers_of(experiment)
    counts = sorted({row["workers"] for row in rows})
    data = []
    for at, server in enumerate(servers):
        for preload in (False, True):
            mine = sorted(
                (row for row in rows if row["server"] == server and bool(row.get("preload")) == preload),
                key=lambda row: row["workers"],
            )
            if mine:
                data.append(memory_trace(mine, at, preload))
    return {"data": data, "layout": memory_axes(counts)} if data else None


def memory_axes(counts):
    """Returns the layout of the memory: x is the number of workers, true to scale, with ticks at those that were
    measured, but for ticks that would stand in one another."""
    most, ticks = counts[-1], []
    for count in reversed(counts):
        if not ticks or ticks[-1] - count >= most * TICK_SHARE:
            ticks.append(count)
    layout = axes([(count, 1) for count in counts], "MiB of PSS, all processes")
    layout["xaxis"].update(
        tickvals=ticks[::-1], ticktext=[str(count) for count in ticks[::-1]], range=[0, round(most * 1.05, 3)]
    )
    return layout


def memory_trace(rows, at, preload):
    color = "@server%d" % hue(at)
    values = [round(row["pss_bytes"] / MIB, 2) for row in rows]
    texts = [
        "%s, %d workers%s: %.4g MiB, %s processes"
        % (row["server"], row["workers"], " with --preload" if preload else "", value, row.get("processes"))
        for row, value in zip(rows, values)
    ]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "preload" if preload else "plain",
        "x": [row["workers"] for row in rows],
        "y": values,
        "texts": texts,
        "hoverinfo": "text",
        "line": {"color": color, "width": 2, "dash": "dash" if preload else "solid"},
        "marker": {
            "color": color,
            "size": 9,
            "symbol": "square-open" if preload else "circle",
            "line": {"width": 2, "color": color},
        },
    }


def cpu(experiment):
    """Returns the chart of the CPU time used as a part of what was granted; the axis is short where that is little."""
    chart = bars(experiment, "cpu_share", "per cent of the CPU granted", scale=100, says="%s: %.3g %s")
    if chart:
        top = max(value for one in chart["data"] for value in one["y"])
        end = next((end for end in CPU_TOPS if top <= end), max(100, top))
        chart["layout"]["yaxis"]["range"] = [0, round(end * 1.05, 3)]
    return chart


def charts(experiment):
    """Returns the charts of an experiment that have figures: [(name, figure)]."""
    if not any(figures_of(run).get("answered") for run in experiment["runs"]):
        return [("memory", chart) for chart in [memory(experiment)] if chart]
    clocks = {"client_ms": "by the client's clock", "server_ms": "by clutch's own"}
    made = [
        ("throughput", bars(experiment, "per_second", "answers per second")),
        ("latency", ranges(experiment, clocks)),
        ("queue", ranges(experiment, {"queue_ms": "waiting for a free app thread"})),
        ("app", ranges(experiment, {"app_ms": "in the application"})),
        ("gil", ranges(experiment, {"gil_ms": "waiting for the GIL before the application"})),
        ("cpu", cpu(experiment)),
        ("memory", memory(experiment)),
        ("done", ranges(experiment, {"done_ms": "from the call to the job's result"})),
    ]
    return [(name, figure) for name, figure in made if figure]
