# SPDX-License-Identifier: MIT
"""Where workers and threads are not the answer: the work has to leave the request. Rules as in advice_rules.py."""

from compare.measured import NOISE, duration, gain, is_full, mib, percent

LONG_MS = 1000  # a request that nobody wants to wait for


def offload(context):
    """Where no number of workers is the answer: each request takes long by itself, or the CPU is full and callers still
    wait."""
    best = max(context.settings, key=lambda setting: setting.rate)
    quickest = min(
        (setting.ms("app", "p50") for setting in context.settings if setting.ms("app", "p50") is not None), default=None
    )
    if quickest is not None and quickest >= LONG_MS:
        yield (
            f"No number of workers makes a request shorter than its {duration(quickest)} in the application. "
            "Offload it: answer 202 at once, and let a task queue run it.",
            [
                f"median time in the application, at its shortest: {duration(quickest)}; long from {duration(LONG_MS)}",
                best.describe(),
            ],
        )
    elif context.kind == "cpu" and is_full(best) and best.figures["waiting_most"]:
        share, held = best.figures["cpu_share"], best.figures["waiting_most"]
        yield (
            f"The CPU is full ({percent(share)} of {context.cpus} used) and {held} callers still wait, so more workers "
            "cannot help. Offloading does: answer 202 at once, and let a task queue compute, here or elsewhere.",
            [
                f"{best.name}, the best throughput: {percent(share)} of {context.cpus} used, at most {held} waiting",
                best.describe(),
            ],
        )


def offloading(context, offloaded):
    """What moving the work into a task queue changed, where that was measured beside answering synchronously. Of
    several such settings the one whose jobs are done first is told."""
    if not offloaded:
        return
    best = min(offloaded, key=lambda setting: setting.ms("done", "p95"))
    slow = min(context.settings, key=lambda setting: setting.ms("client", "p95"))
    first, whole, done = best.ms("client", "p95"), slow.ms("client", "p95"), best.ms("done", "p95")
    because = [describe_jobs(setting) for setting in offloaded]
    because.append(f"answered at the end of the work: {slow.describe()}")
    if gain(whole, first) <= NOISE:
        times = f"its answers take {duration(first)}, synchronous ones {duration(whole)} (p95)"
        yield f"Offloading gains nothing here: {times}.", because
        return
    text = f"Offloading answers within {duration(first)} instead of {duration(whole)} (p95); its jobs are done after "
    text += f"{duration(done)} ({best.name})"
    if best.pss_mib is not None and slow.pss_mib is not None:
        text += f". All parts together need {mib(best.pss_mib)} instead of {mib(slow.pss_mib)}"
    yield f"{text}.", because


def describe_jobs(setting):
    """Returns the figures of an offloading setting, as a reason is written."""
    text = f"{setting.name}: p95 of the answer {duration(setting.ms('client', 'p95'))}, of the job's end "
    text += duration(setting.ms("done", "p95"))
    return text if setting.pss_mib is None else f"{text}, {mib(setting.pss_mib)} of memory"
