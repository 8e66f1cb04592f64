# SPDX-License-Identifier: MIT
"""What the figures say about waiting, workers and threads. Each rule yields (text, because), or nothing
when it does not apply; every number of a text is among its reasons."""

import dataclasses
from typing import List, Optional

from compare.measured import (
    BYTES_PER_MIB,
    CPU_BOUND_RATIO,
    IO_BOUND_RATIO,
    NOISE,
    OWN,
    Setting,
    duration,
    gain,
    mib,
    more_requests,
    percent,
    plural,
    rate,
    signed_percent,
)

GIL_GROWTH = 0.2  # the part by which the time in the application must grow to blame the GIL


@dataclasses.dataclass(frozen=True)
class Context:
    """The settings of one experiment that can be compared, all of clutch, and what requests do with their time (see
    kind_of)."""

    document: dict
    experiment: dict
    settings: List[Setting]
    kind: Optional[str]

    @property
    def clients(self):
        return (self.document.get("load") or {}).get("clients")

    @property
    def cpus(self):
        """CPUs granted to the server."""
        granted = (self.document.get("machine") or {}).get("granted_cpus") or self.settings[0].run.get("granted_cpus")
        return plural(granted, "CPU") if granted else "the CPUs"

    def series(self):
        """The settings that differ in workers only, with the fewest threads, fewest workers first."""
        threads = min(setting.threads for setting in self.settings)
        return sorted(
            (setting for setting in self.settings if setting.threads == threads), key=lambda setting: setting.workers
        )

    def preload_figures(self):
        """What clutch needs with --preload, which some servers do by themselves."""
        return [
            f"{OWN} --preload, {plural(entry['workers'], 'worker')}, right after the start: "
            f"{mib(entry['pss_bytes'] / BYTES_PER_MIB)}"
            for entry in self.experiment.get("memory") or []
            if entry.get("preload") and entry.get("pss_bytes")
        ]

    def reason(self):
        """How the kind is known: the CPU time of a request."""
        first = min(
            (setting for setting in self.settings if setting.cpu_ratio is not None), key=lambda setting: setting.places
        )
        used = (
            "no less CPU time than"
            if first.cpu_ratio >= 1
            else f"{percent(first.cpu_ratio)} as much CPU time as"
        )
        return (
            f"{first.name}: {used} time in the application "
            f"(CPU-bound from {percent(CPU_BOUND_RATIO)}, I/O-bound up to {percent(IO_BOUND_RATIO)})"
        )


def waiting(context):
    """Callers beyond the workers wait; threads or more workers take them in at once."""
    pair = find_relief(context)
    if not pair or not context.clients:
        return
    base, relief = pair
    held = base.figures["waiting_most"]
    text = f"{plural(context.clients, 'caller')}, {base.short}: {held} wait; {relief.short} serve all at once"
    because = [f"{plural(context.clients, 'caller')} at once", describe_wait(base), describe_wait(relief)]
    if base.pss_mib is not None and relief.pss_mib is not None:
        more = relief.pss_mib - base.pss_mib
        text += f" for {mib(abs(more))} {'more' if more >= 0 else 'less'}"
        because.append(
            f"memory: {mib(base.pss_mib)} and {mib(relief.pss_mib)}, {mib(abs(more))} {'more' if more >= 0 else 'less'}"
        )
    yield f"{text}.", because


def find_relief(context):
    """Returns (setting in which callers wait, setting in which none does and which answers more), None when there is no
    such pair. Rather two that differ only in threads; among those the one with the most workers."""
    if context.kind == "cpu":
        return None
    held = [setting for setting in context.settings if setting.figures["waiting_most"]]
    free = [setting for setting in context.settings if setting.figures["waiting_most"] == 0]
    pairs = [(base, relief) for base in held for relief in free if gain(relief.rate, base.rate) > NOISE]
    if not pairs:
        return None
    return max(
        pairs,
        key=lambda pair: (pair[0].workers == pair[1].workers, pair[0].places, -(pair[1].run.get("pss_bytes") or 0)),
    )


def describe_wait(setting):
    figures = setting.figures
    text = f"{setting.name}: at most {figures['running_most']} in the application and {figures['waiting_most']} waiting"
    queue, whole = setting.ms("queue"), setting.ms("server")
    if queue is None or not whole:
        return text
    return f"{text}, mean time in the queue {duration(queue)} ({percent(queue / whole)} of the server's time)"


def workers(context):
    """What more workers gain, up to where they gain nothing more."""
    series = context.series()
    if len(series) < 2 or series[0].workers == series[-1].workers:
        return
    last = next(
        index
        for index, setting in enumerate(series)
        if all(gain(later.rate, setting.rate) <= NOISE for later in series[index + 1 :])
    )
    because = [context.reason()] if context.kind else []
    because += [
        f"{before.name} -> {after.name}: {rate(before.rate)} -> {rate(after.rate)} requests/s, "
        f"{signed_percent(gain(after.rate, before.rate))}"
        for before, after in zip(series, series[1:])
    ]
    word = {"cpu": "CPU-bound: ", "io": "I/O-bound: ", "mixed": "Partly CPU-bound: ", None: ""}[context.kind]
    if last == len(series) - 1:
        yield still_gaining(word, series, context, because)
    else:
        yield enough(word, series, last, context, because)


def still_gaining(word, series, context, because):
    """The text for a series whose last step still gains."""
    first, most = series[0], series[-1]
    more = more_requests(most.rate, first.rate)
    because.append(f"{first.name} -> {most.name}: {more}")
    if context.clients and most.places >= context.clients:
        end = f"{plural(context.clients, 'caller')} cannot use more"
        because.append(
            f"{plural(context.clients, 'caller')} at once, {plural(most.places, 'place')} in the application"
        )
    else:
        end = "where that ends was not measured"
    than = "than" if "more" in more else "as"
    return (
        f"{word}every step gains; {plural(most.workers, 'worker')} answer {more} {than} {first.workers}, and {end}.",
        because,
    )


def enough(word, series, last, context, because):
    """The text for a series that gains no more than noise after `last`."""
    knee, best = series[last], max(series[last + 1 :], key=lambda setting: setting.rate)
    change = gain(best.rate, knee.rate)
    because.append(
        f"{knee.name} -> {best.name}: {signed_percent(change)}; up to {percent(NOISE)} is noise; {context.cpus} granted"
    )
    here = f"on the {context.cpus} granted here" if context.kind == "cpu" else "here"
    if abs(change) <= NOISE:
        says = (
            f"gains {percent(change)}, no more than noise"
            if change >= 0
            else f"gains nothing ({signed_percent(change)}, noise)"
        )
    else:
        says = f"loses {percent(change)}"
    if context.clients and knee.places >= context.clients:
        says += f": {plural(context.clients, 'caller')} cannot use them"
        because.append(
            f"{plural(context.clients, 'caller')} at once, {plural(knee.places, 'place')} in the application"
        )
    return f"{word}more than {plural(knee.workers, 'worker')} {here} {says}.", because


def threads(context):
    """What threads gain or cost for the same workers: told of the fewest workers, and of the most where it is another
    story."""
    pairs = [
        (few, many)
        for few in context.settings
        for many in context.settings
        if few.workers == many.workers and few.threads < many.threads
    ]
    if not pairs:
        return
    widest = max(many.threads / few.threads for few, many in pairs)
    pairs = [pair for pair in pairs if pair[1].threads / pair[0].threads == widest]
    pairs.sort(key=lambda pair: pair[0].workers)
    few, many = pairs[0]
    change = gain(many.rate, few.rate)
    because = [describe_step(few, many), *filter(None, map(describe_gil, (few, many)))]
    if change > NOISE:
        yield threads_pay(context, pairs, because)
        return
    if abs(change) <= NOISE:
        says = (
            f"Threads gain nothing here: {many.name} change the requests/s by {signed_percent(change)}, which is noise"
        )
    else:
        says = f"Threads cost here: {many.name} answer {percent(change)} fewer requests/s than {few.name}"
    yield f"{says}{explain_gil(context, few, many, because)}.", because


def describe_step(few, many):
    change = signed_percent(gain(many.rate, few.rate))
    return f"{few.name} -> {many.name}: {rate(few.rate)} -> {rate(many.rate)} requests/s, {change}"


def threads_pay(context, pairs, because):
    """The text for threads that gain with the fewest workers. What computes and gains more than its waiting allows does
    it without the GIL."""
    (few, many), (last_few, last_many) = pairs[0], pairs[-1]
    change, more = gain(many.rate, few.rate), more_requests(many.rate, few.rate)
    why = ""
    if context.kind == "io":
        why = ": they wait side by side, and a request that waits gives up the GIL"
    elif context.kind == "cpu" and change > 1 / CPU_BOUND_RATIO - 1 + NOISE:
        why = ": it computes without the GIL, in C"
    text = f"Threads pay here: {many.name} answer {more}{' than' if 'more' in more else ' as'} {few.name}{why}"
    if gain(last_many.rate, last_few.rate) <= NOISE:
        text += f"; with {plural(last_few.workers, 'worker')} they gain nothing more"
        because.append(describe_step(last_few, last_many))
    return f"{text}.", [*because, more]


def explain_gil(context, few, many, because):
    """Returns why threads gained nothing: the GIL, or nobody to serve."""
    slow, quick = many.ms("app"), few.ms("app")
    if context.kind in ("cpu", "mixed") and slow and quick and gain(slow, quick) > GIL_GROWTH:
        because.append(
            f"mean time in the application: {duration(quick)} and {duration(slow)}, with the waits for the GIL in it"
        )
        longer = f"{duration(slow)} in the application instead of {duration(quick)}"
        return f"; a request takes {longer}, since the threads share one GIL"
    if few.figures["waiting_most"] == 0:
        because.append(f"{few.name}: nobody waited")
        return ", since nobody waited without them"
    return ""


def describe_gil(setting):
    wait, whole = setting.ms("gil"), setting.ms("server")
    if wait is None or not whole:
        return None
    return (
        f"{setting.name}: GIL wait before the application mean {duration(wait)}, "
        f"p95 {duration(setting.ms('gil', 'p95'))} ({percent(wait / whole)} of the server's time)"
    )


RULES = (waiting, workers, threads)
