# SPDX-License-Identifier: MIT
"""write(document, path): one HTML file that shows a comparison and needs nothing else, no network, no other file.

The template is Jinja's, with escaping on: every text of the document is data. The page carries the document itself and
the plotly figures made from it as JSON, plotly.js, and a Content-Security-Policy that allows nothing but those scripts,
by their hashes: no request to anywhere can leave the page, and a script that came in with a text could not run."""

import base64
import hashlib
import json
import os
from pathlib import Path

import jinja2
import plotly.offline
from markupsafe import Markup

from . import chart_words, charts, timeline, words

HERE = Path(__file__).resolve().parent
SPREADS = (
    ("client_ms", "Client's clock, ms", ("p50", "p95", "p99", "max")),
    ("server_ms", "clutch's own, ms", ("p50", "p95", "p99")),
    ("queue_ms", "Queue, ms", ("p50", "p95", "p99")),
    ("gil_ms", "GIL wait, ms", ("p50", "p95", "p99")),
    ("app_ms", "Application, ms", ("p50", "p95")),
    ("write_ms", "Write, ms", ("p95",)),
    ("done_ms", "Result, ms", ("p50", "p95")),
)
PANELS_BESIDE, SERVERS_TO_GROUP, SHOWN_REASONS = 4, 3, 5
CHART_TITLES = {
    "throughput": "Throughput",
    "latency": "Response time",
    "queue": "Queue",
    "app": "In the application",
    "gil": "GIL",
    "cpu": "CPU",
    "memory": "Memory",
    "done": "Result of the job",
}
CHART_KEYS = {
    "latency": "● p50  ◆ p95  — p99; filled: by the client's clock, hollow: by clutch's own",
    "queue": "● p50  ◆ p95  — p99; only clutch tells it",
    "app": "● p50  ◆ p95  — p99; computing, sleeping, taking turns for the GIL and the CPUs",
    "gil": "● p50  ◆ p95  — p99; until the application is entered; only clutch tells it",
    "cpu": "100 %: all of the CPUs that were granted",
    "done": "● p50  ◆ p95  — p99, by the client's clock",
    "memory": "● every worker loads the application   □ --preload",
}


def write(document, path):
    """Writes the page of a comparison (see document.py for its form) to `path`, whole or not at all. Raises OSError."""
    path = Path(path)
    unfinished = path.with_name("." + path.name + ".new")
    unfinished.write_text(render(document), encoding="utf-8")
    os.replace(unfinished, path)


def render(document):
    """Returns the page as text."""
    plots = {}
    experiments = [section(at, experiment, plots) for at, experiment in enumerate(document["experiments"])]
    for one in experiments:
        one["advice"] = words.advice_of(document, one["it"])
    scripts = [Markup(plotly.offline.get_plotlyjs()), Markup((HERE / "page.js").read_text(encoding="utf-8"))]
    return (
        environment()
        .get_template("template.html")
        .render(
            document=document,
            experiments=experiments,
            headline=words.headline_run(document),
            command=words.command(document),
            disturbance=words.disturbance(document),
            advice=words.first_advice(document),
            spreads=SPREADS,
            side=words.SIDE,
            shown_reasons=SHOWN_REASONS,
            part_names=timeline.NAMES,
            meanings=timeline.MEANINGS,
            policy=policy(scripts),
            plotly_js=scripts[0],
            page_js=scripts[1],
            css=Markup((HERE / "page.css").read_text(encoding="utf-8")),
            document_json=embedded(document),
            plots_json=embedded(plots),
        )
    )


def environment():
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=words.number, duration=words.duration, memory_size=words.memory_size, counted=words.counted
    )
    made.globals.update(
        shape=words.shape,
        title=words.title,
        is_offloaded=charts.is_offloaded,
        pieces=words.pieces,
        found=charts.found,
        figures_of=charts.figures_of,
        join=words.shlex.join,
    )
    return made


def section(at, experiment, plots):
    """Returns what the template shows of an experiment, and puts its figures into plots under their names."""
    panels = timeline.figures(experiment["runs"])
    drawn = {part["name"] for panel in panels if panel for part in panel["data"]}
    for number, panel in enumerate(panels):
        if panel:
            plots["timeline-%d-%d" % (at, number)] = {**panel, "run": [at, number]}
    pictures = []
    for name, figure in charts.charts(experiment):
        plots["%s-%d" % (name, at)] = figure
        pictures.append(
            {
                "id": "%s-%d" % (name, at),
                "title": CHART_TITLES[name],
                "says": chart_words.headline(name, experiment),
                "key": CHART_KEYS.get(name, ""),
            }
        )
    until = timeline.window_us(experiment["runs"])
    hues = {name: charts.hue(number) for number, name in enumerate(charts.servers_of(experiment))}
    panels = [
        panel_of(at, number, run, panel, hues) for number, (run, panel) in enumerate(zip(experiment["runs"], panels))
    ]
    return {
        "at": at,
        "it": experiment,
        "headline": words.experiment_headline(experiment),
        "charts": pictures,
        "panels": panels,
        "groups": groups(panels),
        "has_peers": has_peers(panels),
        "has_threads": any(panel["run"]["threads"] > 1 for panel in panels),
        "gil_note": chart_words.gil_note(experiment),
        "parts": [part for part in timeline.PARTS if part in drawn],
        "unseen": unseen(experiment, drawn),
        "until_s": None if until is None else until / 1e6,
        "hues": hues,
        "peers": [{**peer, "hue": hues[peer["server"]]} for peer in words.peers(experiment)],
        "beside": words.side_by_side(experiment),
        "clocks": words.clocks(experiment),
        "advice": [],
    }


def has_peers(panels):
    return len({panel["run"]["server"] for panel in panels}) > 1


def groups(panels):
    """Returns the pictures as they stand together, [{"title", "panels", "columns"}]: by setting where many servers have
    the same, else all, without a title. Runs of a setting are neighbours."""
    settings = charts.settings_of([panel["run"] for panel in panels])
    together = [[panel for panel in panels if charts.setting(panel["run"]) == one] for one in settings]
    most = max(map(len, together), default=0)
    if not has_peers(panels) or most < SERVERS_TO_GROUP:
        return [{"title": "", "panels": sum(together, []), "columns": columns(len(panels))}] if panels else []
    beside = min(PANELS_BESIDE, most)
    return [{"title": words.shape(some[0]["run"]), "panels": some, "columns": beside} for some in together]


def columns(count):
    """Returns how many pictures to put beside each other at most, so that the rows are of much the same length."""
    rows = -(-count // PANELS_BESIDE) or 1
    return -(-count // rows) or 1


def unseen(experiment, drawn):
    """Returns the names of parts that were measured and are everywhere too short to be drawn."""
    measured = {"gil": "gil_ms", "write": "write_ms"}
    return [
        timeline.NAMES[part]
        for part, path in measured.items()
        if part not in drawn and any(charts.found(charts.figures_of(run), path) for run in experiment["runs"])
    ]


def panel_of(at, number, run, panel, hues):
    """Returns what the template needs of a run's timeline besides the run."""
    requests = run.get("requests") or []
    drawn = len(panel["order"]) if panel else 0
    return {
        "id": "timeline-%d-%d" % (at, number) if panel else None,
        "run": run,
        "key": "%d.%d" % (at, number),
        "hue": hues[charts.series_of(run)],
        "drawn": drawn,
        "whole": drawn == len(requests),
        "refused": sum(timeline.lane_of(request) == timeline.NOBODY for request in requests),
    }


def embedded(value):
    """Returns JSON that can stand in a script element: nothing in it ends the element or begins a comment."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def policy(scripts):
    """Returns the Content-Security-Policy: these scripts, styles (plotly sets them by attribute), pictures in the page;
    nothing else."""
    hashes = [
        "'sha256-%s'" % base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode() for script in scripts
    ]
    return "; ".join(
        [
            "default-src 'none'",
            "script-src " + " ".join(hashes),
            "style-src 'unsafe-inline'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
