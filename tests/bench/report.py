# SPDX-License-Identifier: MIT
"""Makes the table and the verdicts from the raw results: medians of the rounds, ratios to the best peer and to the floor."""

import json
import statistics

import rows
import servers

NAMES = {
    "rate": "req/s", "cpu_us": "CPU", "p50_us": "p50", "p99_us": "p99", "instructions": "instructions", "connection_bytes": "memory",
    "switches": "wake-ups",
}
HEAD = ("workload (deciding figure)", "server", "req/s", "ratio", "CPU us/request", "p50 ms", "p99 ms", "PSS MiB", "note")


def read(directory):
    """Returns [(row, results)] of the rows that have been measured, in the order of the rows."""
    found = []
    for row in rows.ROWS:
        path = directory / f"{row.name}.json"
        if path.exists():
            found.append((row, json.loads(path.read_text(encoding="utf-8"))))
    return found


def median(entry, metric):
    """Returns the median of the rounds, None without any figure."""
    values = [figures[metric] for figures in entry.get("rounds", ()) if metric in figures]
    return statistics.median(values) if values and not entry.get("failed") else None


def best_peer(results, metric):
    """Returns (name, figure) of the best of the peers; (None, None) when all failed."""
    figures = {name: median(results["servers"].get(name, {}), metric) for name in servers.PEERS}
    figures = {name: figure for name, figure in figures.items() if figure is not None}
    if not figures:
        return None, None
    name = (max if metric == "rate" else min)(figures, key=figures.get)
    return name, figures[name]


def show(value, metric):
    """Returns a figure with its unit, "-" for none."""
    if value is None:
        return "-"
    return {
        "rate": "{:,.0f} req/s", "cpu_us": "{:.2f} us", "p50_us": "{:,.0f} us", "p99_us": "{:,.0f} us", "instructions": "{:,.0f}",
        "connection_bytes": "{:,.0f} bytes", "switches": "{:,.0f}",
    }[metric].format(value)


def number(value, form, scale=1.0):
    return "" if value is None else form.format(value * scale)


def lines_of(row, results):
    """Yields the cells of the servers of one row."""
    label = f"{row.title} ({NAMES[row.metric]})"
    _, best = best_peer(results, row.metric)
    for name, entry in results["servers"].items():
        if entry.get("failed"):
            yield (label, servers.title(name), *[""] * 6, f"failed: {entry['failed']}")
        else:
            decides = median(entry, row.metric)
            yield (label, servers.title(name), number(median(entry, "rate"), "{:,.0f}"),
                   number(decides / best if best else None, "{:.2f}"), number(median(entry, "cpu_us"), "{:.2f}"),
                   number(median(entry, "p50_us"), "{:.3f}", 1e-3), number(median(entry, "p99_us"), "{:.3f}", 1e-3),
                   number(entry.get("pss_kib"), "{:.1f}", 1 / 1024), note(row, entry))
        label = ""


def note(row, entry):
    if row.kind == "idle_wakeups":
        first = entry["rounds"][0]
        return f"{first['switches']:,} wake-ups and {first['idle_cpu_ms']:.0f} ms of CPU in {first['idle_s']:.0f} s"
    if row.kind != "load":
        return f"{show(median(entry, row.metric), row.metric)} {NAMES[row.metric] if row.kind == 'instructions' else ''}".strip()
    errors = [figures["errors"] for figures in entry["rounds"] if figures.get("errors")]
    late = sum(figures.get("over_2ms", 0) for figures in entry["rounds"]) if row.metric == "p99_us" else 0
    slow = [figures["slow"]["requests"] for figures in entry["rounds"] if figures.get("slow", {}).get("requests")]
    return "; ".join(filter(None, (f"errors: {errors}" if errors else "", f"{late:,} over 2 ms" if late else "",
                                   f"{statistics.median(slow):.0f} slow ones" if slow else "")))


def cpu_beside(results):
    """Returns the ratio of CPU time to go with a rate: it holds also where the load or the neighbours of the machine are the limit."""
    mine = median(results["servers"]["clutch"], "cpu_us")
    name, best = best_peer(results, "cpu_us")
    return f" (CPU {mine / best:.2f} x {servers.title(name)})" if best else ""


def verdicts_of(row, results):
    """Yields for each goal of the row whether clutch reaches it."""
    entry = results["servers"].get("clutch", {})
    for goal in row.goals:
        mine = median(entry, goal.metric)
        name, reference = goal.reference, 1.0
        if goal.reference == "best":
            name, reference = best_peer(results, goal.metric)
        elif goal.reference:
            reference = median(results["servers"].get(goal.reference, {}), goal.metric)
        limit = None if reference is None else goal.factor * reference
        if mine is None or limit is None:
            yield f"{row.name}: {NAMES[goal.metric]}: not known ({entry.get('failed') or 'nothing to compare with'})"
            continue
        is_rate = goal.metric == "rate"
        ratio = f"{mine / reference:.2f} x {servers.title(name)}, to be" if goal.reference and reference else "to be"
        wanted = f"{goal.factor:.2f}" if goal.reference else show(goal.factor, goal.metric)
        reached = mine >= limit if is_rate else mine <= limit
        missed = "MISSED" if not limit else f"MISSED by {abs(mine / limit - 1) * 100:.0f} %" if mine < 2 * limit else f"MISSED, {mine / limit:,.0f} x"
        yield (f"{row.name}: {NAMES[goal.metric]} {show(mine, goal.metric)}: {ratio} at {'least' if is_rate else 'most'} {wanted}: "
               f"{'reached' if reached else missed}{cpu_beside(results) if is_rate else ''}")


def table(measured):
    """Returns the lines of a Markdown table of [(row, results)], laid out to be read as it is."""
    cells = [HEAD] + [line for row, results in measured for line in lines_of(row, results)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    lines = [" | ".join(cell.rjust(width) if 2 <= column <= 7 else cell.ljust(width)
                        for column, (cell, width) in enumerate(zip(line, widths))).join(("| ", " |")) for line in cells]
    rule = "|".join("-" * (width + 1) + (":" if 2 <= column <= 7 else "-") for column, width in enumerate(widths))
    return [lines[0], f"|{rule}|", *lines[1:]]


def versions(measured):
    """Returns one line with the versions of all servers that took part."""
    seen = {}
    for _, results in measured:
        for name, entry in results["servers"].items():
            if entry.get("version"):
                seen[name.partition("-")[0]] = entry["version"]
    return ", ".join(version if version.startswith(name) else f"{name} {version}" for name, version in seen.items())


def print_report(directory, chosen):
    measured = [(row, results) for row, results in read(directory) if row in chosen]
    if not measured:
        print(f"no results in {directory}")
        return
    print("\n".join(table(measured)))
    print(f"\nVersions: {versions(measured)}.\n")
    for row, results in measured:
        for verdict in verdicts_of(row, results):
            print(verdict)
