# SPDX-License-Identifier: MIT
"""A comparison on the terminal: a table for each experiment, what went wrong, and the recommendations. Fits 80
columns."""

from rich import box
from rich.console import Group
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from compare import document, figures
from compare.measured import duration, settings_of

NOTHING = "-"
WIDEST = 1000
NAME_MOST = 19  # characters; longer ones take several lines
COLUMNS = (
    "setting",
    "answered",
    "req/s",
    "p50\nms",
    "p95\nms",
    "p99\nms",
    "waited\nmean/p95",
    "GIL\nms",
    "CPU\nused",
    "PSS\nMiB",
)
LEAST_IMPORTANT = ("GIL\nms", "p99\nms", "p50\nms", "waited\nmean/p95", "CPU\nused", "PSS\nMiB")  # the least first
LEGEND = (
    "setting: workers x threads. p50, p95, p99: by the client's clock. waited: for a free thread, mean and p95 in ms; "
    "~ by the client's clock. GIL: mean wait for it before the application. CPU used: of what is granted. PSS: memory "
    "of all processes."
)


def print_tables(comparison, console):
    """Prints the tables of a document, also of a partial one, then its recommendations, to a rich Console."""
    experiments = comparison.get("experiments") or []
    for experiment in experiments:
        settings = settings_of(experiment)
        say(console, f"\n{experiment.get('title') or experiment.get('name')}", style="bold")
        if settings:
            print_table(settings, console)
        for setting in settings:
            print_remarks(setting, console)
    if experiments:
        say(console, LEGEND, style="dim")
    if comparison.get("interrupted"):
        say(console, "\nInterrupted: this is what was measured until then.", style="bold yellow")
    print_recommendations(comparison, console)


def say(console, text, style=""):
    """Prints text as it is, brackets and all. Long lines are wrapped also where the output is no terminal."""
    console.print(Text(text, style=style), soft_wrap=False)


def print_table(settings, console):
    """Prints the table of an experiment; on a narrow terminal without the columns that matter least."""
    left_out = []
    table = make_table(settings, left_out)
    unlimited = console.options.update(max_width=WIDEST)
    while left_out != list(LEAST_IMPORTANT) and Measurement.get(console, unlimited, table).minimum > console.width:
        left_out = list(LEAST_IMPORTANT[: len(left_out) + 1])
        table = make_table(settings, left_out)
    console.print(table, soft_wrap=False)
    if left_out:
        say(console, f"({len(left_out)} columns need a wider terminal; the page has them too)", style="dim")


def make_table(settings, left_out=()):
    """Returns the rich Table of an experiment's settings, one row each, without the columns `left_out`."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    shown = [index for index, heading in enumerate(COLUMNS) if heading not in left_out]
    for index in shown:
        heading = COLUMNS[index]
        table.add_column(
            heading, justify="right" if index else "left", no_wrap=bool(index), max_width=None if index else NAME_MOST
        )
    for setting in settings:
        cells = make_row(setting)
        table.add_row(*(Text(cells[index]) for index in shown), style=None if setting.is_usable else "red")
    return table


def make_row(setting):
    """Returns the cells of a setting as text; NOTHING for what was not measured."""
    own = setting.figures
    return [
        name_row(setting),
        count_answers(setting),
        NOTHING if not own["answered"] else short(own["per_second"]),
        *(short(setting.ms("client", which)) for which in ("p50", "p95", "p99")),
        waited(setting),
        short(setting.ms("gil")),
        NOTHING if own.get("cpu_share") is None else f"{own['cpu_share'] * 100:.0f} %",
        NOTHING if setting.pss_mib is None else short(setting.pss_mib),
    ]


def name_row(setting):
    """Returns "5 x 4", before it the name of a server that is not clutch ("gunicorn 5 x 4"), or what else a label says
    ("Celery x 20, 5 x 1")."""
    standard = document.describe_setting(setting.workers, setting.threads)
    more = (setting.run.get("label") or "").replace(standard, "").strip(", ")
    server = "" if setting.is_own else setting.run.get("server")
    return " ".join(filter(None, [server, more and f"{more},", f"{setting.workers} x {setting.threads}"]))


def count_answers(setting):
    """Returns "20", "15 of 20" when some failed or were not waited for, "error" when nothing was sent."""
    sent, answered = len(setting.run.get("requests") or []), setting.figures["answered"]
    if not sent and setting.run.get("error"):
        return "error"
    return str(answered) if answered >= sent else f"{answered} of {sent}"


def waited(setting):
    """Returns mean and p95 of the time in the queue; where the server does not tell it, of the time from sent to the
    application."""
    if setting.figures.get("queue_ms"):
        mark, times = "", setting.figures["queue_ms"]
    else:
        answered = filter(figures.is_answered, setting.run.get("requests") or [])
        mark, times = "~", figures.spread(map(figures.waited_us, answered))
    return f"{mark}{short(times['mean'])}/{short(times['p95'])}" if times else NOTHING


def short(value):
    """Returns a number with few digits: 0.05, 4.9, 48, 1520."""
    if value is None:
        return NOTHING
    if value >= 9.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"


def print_remarks(setting, console):
    """Prints a run's error and notes, as many lines as they have, and when offloaded jobs were done."""
    for style, text in [
        ("red", setting.run.get("error")),
        *(("yellow", note) for note in setting.run.get("notes") or []),
    ]:
        if text:
            first, *rest = text.strip().splitlines() or [""]
            say(console, "\n".join([f"{setting.name}: {first}", *(f"    {line}" for line in rest)]), style=style)
    done = setting.figures.get("done_ms")
    if done:
        say(
            console,
            f"{setting.name}: the jobs were done after {duration(done['mean'])} (mean), {duration(done['p95'])} (p95)",
        )


def print_recommendations(comparison, console):
    """Prints what to do under the title of its experiment; of one experiment alone each with the figures behind it,
    which would be too many lines for several."""
    found = comparison.get("recommendations") or []
    titles = {experiment.get("name"): experiment.get("title") for experiment in comparison.get("experiments") or []}
    has_reasons = len(titles) == 1
    for name in dict.fromkeys(each.get("experiment") for each in found):
        say(console, f"\nRecommendations: {titles.get(name) or name}", style="bold")
        for each in found:
            if each.get("experiment") == name:
                console.print(make_recommendation(each, has_reasons), soft_wrap=False)
    if found and not has_reasons:
        say(console, "The page has the figures behind each of them.", style="dim")


def make_recommendation(each, has_reasons):
    """Returns a recommendation with hanging indents, its reasons beneath if wanted."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    grid.add_row("*", Text(each["text"]))
    reasons = Table.grid(padding=(0, 1, 0, 0))
    reasons.add_column(width=1, style="dim")
    reasons.add_column(overflow="fold", style="dim")
    for reason in each.get("because") or [] if has_reasons else []:
        reasons.add_row("-", Text(reason))
    return Group(grid, Padding(reasons, (0, 0, 0, 2)))
