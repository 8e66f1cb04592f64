# SPDX-License-Identifier: MIT
"""The runs of an experiment as the recommendations look at them, and numbers as people read them."""

import dataclasses
import re

from compare import figures

OWN = "clutch"
BYTES_PER_MIB = 1 << 20
MS_PER_S = 1000
EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt)\b")
NOISE = 0.05  # two runs of one setting differ by as much: less is not called a difference
CPU_BOUND_RATIO, IO_BOUND_RATIO = 0.8, 0.1
FULL_SHARE = 0.8  # of the CPU granted; the load generator needs some of it too


@dataclasses.dataclass(frozen=True)
class Setting:
    """A run with its figures. `name` says which: "5 workers x 4 threads", for a peer with its own name before it."""

    run: dict
    figures: dict

    @property
    def name(self):
        label = self.run.get("label") or f"{plural(self.workers, 'worker')} x {plural(self.threads, 'thread')}"
        return label if self.is_own else f"{self.run.get('server')}, {label}"

    @property
    def short(self):
        """The name without what goes without saying: "5 workers"."""
        return self.name.replace(" x 1 thread", "") if self.threads == 1 else self.name

    @property
    def is_own(self):
        return self.run.get("server") == OWN

    @property
    def workers(self):
        return self.run.get("workers") or 1

    @property
    def threads(self):
        return self.run.get("threads") or 1

    @property
    def key(self):
        return self.workers, self.threads

    @property
    def places(self):
        """How many requests it can have in the application at once."""
        return self.workers * self.threads

    @property
    def rate(self):
        """Answered requests per second."""
        return self.figures["per_second"]

    @property
    def pss_mib(self):
        pss = self.run.get("pss_bytes")
        return None if pss is None else pss / BYTES_PER_MIB

    @property
    def is_usable(self):
        """Whether it can be compared: it ran to its end, was answered, and nothing failed."""
        return (
            not self.run.get("error")
            and self.figures["answered"] > 0
            and self.figures["failed"] == 0
            and not any(map(figures.is_cut_short, self.run.get("requests") or []))
        )

    @property
    def is_offloading(self):
        """Whether its answers only say that a job was taken."""
        return self.figures.get("done_ms") is not None

    def ms(self, part, which="mean"):
        """Returns a figure like client_ms.p95, None when it was not measured."""
        return (self.figures.get(f"{part}_ms") or {}).get(which)

    @property
    def seconds(self):
        """How long the load took."""
        return self.figures["answered"] / self.rate if self.rate else 0.0

    @property
    def cpu_ratio(self):
        """CPU seconds of the whole server for a second in the application; None when not measured."""
        app_s = (self.ms("app") or 0) * self.figures["answered"] / MS_PER_S
        cpu_s = self.run.get("cpu_s")
        return None if cpu_s is None or not app_s else cpu_s / app_s

    @property
    def client_share(self):
        """What the load generator used of one CPU, None when not measured."""
        return self.run.get("client_cpu_share")

    @property
    def other_share(self):
        """What neither the server nor the load generator used of the CPUs granted, None when not measured."""
        return self.run.get("other_cpu_share")

    def describe(self):
        """Returns its main figures, as a reason is written."""
        parts = [f"{self.name}: {rate(self.rate)} requests/s"]
        if self.ms("client", "p95") is not None:
            parts.append(f"p95 {duration(self.ms('client', 'p95'))}")
        if self.pss_mib is not None:
            parts.append(f"{mib(self.pss_mib)} of memory")
        return ", ".join(parts)


def settings_of(experiment):
    """Returns a Setting for each run of an experiment, in its order; figures that are missing are made."""
    return [Setting(run, run.get("figures") or figures.summarize(run)) for run in experiment.get("runs") or []]


def kind_of(settings):
    """Returns "cpu", "io" or "mixed": what requests do with their time; None when that was not measured. Judged by the
    setting that runs fewest at once: where more run than there are CPUs, waiting for a CPU looks like sleeping."""
    known = [setting for setting in settings if setting.cpu_ratio is not None]
    if not known:
        return None
    first = min(known, key=lambda setting: setting.places)
    if first.cpu_ratio >= CPU_BOUND_RATIO or is_full(first):
        return "cpu"
    undisturbed = 1.0 - min(first.other_share or 0.0, 0.95)  # waiting for a CPU that others use looks like sleeping
    return "io" if first.cpu_ratio <= IO_BOUND_RATIO * undisturbed else "mixed"


def is_full(setting):
    """Whether a run used the CPU that it was granted."""
    share = setting.figures.get("cpu_share")
    return share is not None and share >= FULL_SHARE


def describe_failure(setting):
    """Returns what went wrong with a run in one line: of a traceback the exception."""
    error, counts = (setting.run.get("error") or "").strip(), setting.figures
    if error:
        lines = [line.strip() for line in error.splitlines()]
        return f"{setting.name}: {next(filter(EXCEPTION.match, reversed(lines)), lines[-1])}"
    reasons = [
        request.get("error") or f"status {request.get('status')}"
        for request in setting.run.get("requests") or []
        if request.get("error") or (request.get("status") or 0) >= 400
    ]
    total = counts["failed"] + counts["answered"]
    return f"{setting.name}: {counts['failed']} of {plural(total, 'request')} failed" + (
        f" ({reasons[0]})" if reasons else ""
    )


def gain(new, old):
    """Returns how much larger `new` is, as a part of `old`."""
    return new / old - 1 if old else 0.0


def more_requests(new, old):
    """Returns "12 % more requests/s", or "3.9 times as many requests/s" from the double on."""
    return (
        f"{new / old:.3g} times as many requests/s"
        if new >= 1.995 * old
        else f"{percent(gain(new, old))} more requests/s"
    )


def rate(value):
    """Three digits: 4.93, 48.2, 1,520."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def duration(ms):
    """Milliseconds as people say them: 0.35 ms, 18.2 ms, 503 ms, 1.20 s."""
    if ms >= MS_PER_S - 0.5:
        return f"{ms / MS_PER_S:.3g} s"
    return f"{ms:.0f} ms" if ms >= 100 else f"{ms:.3g} ms"


def mib(value):
    """MiB, below a tenth of one KiB: 143 MiB, 9.5 MiB, 37 KiB."""
    if 0 < value < 0.095:
        return f"{value * 1024:.0f} KiB"
    return f"{value:.0f} MiB" if value >= 100 else f"{value:.1f} MiB"


def percent(part):
    """A part of one, without a sign: 12 %."""
    return f"{abs(part) * 100:.0f} %"


def signed_percent(part):
    return f"{'-' if part < 0 else '+'}{percent(part)}"


def number(value):
    """2 or 1.5, never 2.0."""
    return f"{value:g}"


def plural(count, word):
    return f"{number(count)} {word}{'' if count == 1 else 's'}"
