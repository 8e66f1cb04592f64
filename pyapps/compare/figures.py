# SPDX-License-Identifier: MIT
"""The figures of one run: what its requests come to. Pure functions of the run as comparison.json keeps it.

Durations come in as microseconds and go out as milliseconds. Percentiles are nearest-rank: the p-th is the smallest
value that at least p per cent of all values do not exceed, so it is always a value that was measured.

A request is *answered* when an answer with a status below 400 came, *failed* when it ended with an error or another
status, and neither when the run was cut short while it was under way. Durations are those of answered requests only: an
error that comes at once must not make a server look fast."""

import math

FIRST_FAILED_STATUS = 400
INTERRUPTED = "interrupted before the answer came"  # the error of a request that Ctrl-C cut short
PERCENTILES = (("p50", 50), ("p95", 95), ("p99", 99))
SERVER_PARTS = ("queue_us", "gil_us", "app_us", "write_us")
US_PER_MS, US_PER_S = 1e3, 1e6
DISTURBED_SHARE = 0.1  # of the CPUs: what else is used changes the figures of what computes
TRANSIT_SHARE = 0.1
TRANSIT_LEAST_US = 1000


def summarize(run):
    """Returns the figures of `run` (a dict with "requests", "cpu_s", "wall_s", "granted_cpus", any of them missing or
    null):

    answered, failed  counts
    per_second        answered requests divided by the time from the first one sent to the last answer; 0.0 without any
    client_ms         from sent to answered, by the client's clock: {"mean", "p50", "p95", "p99", "max"}
    server_ms         queue + GIL + application + write, by the server; queue_ms, gil_ms, app_ms, write_ms: its parts
    done_ms           offloading: from sent to the moment when the job's result was there
    running_most      most requests inside the application at the same moment
    waiting_most      most requests at the same moment that had been sent and were kept waiting (see `waits`)
    cpu_share         CPU time used, as a part of what was granted during the load: cpu_s / (wall_s x granted_cpus);
                      of a run that offloads, until its last job was done

    What cannot be known (a peer's queue, an empty run) is None."""
    requests = run.get("requests") or []
    answered = [request for request in requests if is_answered(request)]
    figures = {
        "answered": len(answered),
        "failed": sum(map(is_failed, requests)),
        "per_second": per_second(answered),
        "client_ms": spread(between(request, "sent_us", "answered_us") for request in answered),
        "server_ms": spread(server_us(request) for request in answered),
    }
    for part in SERVER_PARTS:
        figures[part.replace("_us", "_ms")] = spread(request.get(part) for request in answered)
    figures["done_ms"] = spread(between(request, "sent_us", "done_us") for request in answered)
    stays = [stay for stay in map(inside, requests) if stay]
    figures["running_most"] = most_at_once(stays) if stays else None
    figures["waiting_most"] = most_at_once(waits(requests)) if stays else None
    figures["cpu_share"] = cpu_share(run)
    return figures


def is_answered(request):
    """Whether an answer came that is no error."""
    status = request.get("status")
    return (
        not request.get("error")
        and status is not None
        and status < FIRST_FAILED_STATUS
        and between(request, "sent_us", "answered_us") is not None
    )


def is_cut_short(request):
    """Whether the comparison was interrupted while the request was under way."""
    return request.get("error") == INTERRUPTED


def is_failed(request):
    """Whether the request ended without an answer, or with one that tells of an error. Not being waited for is no
    failure."""
    status = request.get("status")
    is_refused = status is not None and status >= FIRST_FAILED_STATUS
    return is_refused or (bool(request.get("error")) and not is_cut_short(request))


def between(request, begin, end):
    """Returns the microseconds between two moments of a request, None when it lacks one of them."""
    if request.get(begin) is None or request.get(end) is None:
        return None
    return request[end] - request[begin]


def server_us(request):
    """Returns what the server needed for a request, in microseconds; None unless all parts are known."""
    parts = [request.get(part) for part in SERVER_PARTS]
    return None if None in parts else sum(parts)


def percentile(ordered, percent):
    """Returns the nearest-rank percentile of a sorted, non-empty list."""
    return ordered[max(1, math.ceil(percent * len(ordered) / 100)) - 1]


def spread(durations_us):
    """Returns mean, percentiles and maximum in milliseconds of durations in microseconds, leaving out None; None when
    there are none."""
    ordered = sorted(duration for duration in durations_us if duration is not None)
    if not ordered:
        return None
    figures = {
        "mean": sum(ordered) / len(ordered),
        **{name: percentile(ordered, percent) for name, percent in PERCENTILES},
        "max": ordered[-1],
    }
    return {name: round(value / US_PER_MS, 3) for name, value in figures.items()}


def per_second(answered):
    """Returns answered requests per second of the time in which they were sent and answered."""
    if not answered:
        return 0.0
    span_us = max(request["answered_us"] for request in answered) - min(request["sent_us"] for request in answered)
    return round(len(answered) * US_PER_S / max(span_us, 1), 3)


def cpu_share(run):
    """Returns the part of the granted CPU time that the run used, None when it was not measured. The time of a run that
    offloads ends with its last job, whose CPU time counts too."""
    cpu_s, wall_s, granted = run.get("cpu_s"), run.get("wall_s"), run.get("granted_cpus")
    if cpu_s is None or not wall_s or not granted:
        return None
    jobs_us = [between(request, "sent_us", "done_us") for request in run.get("requests") or []]
    wall_s = max([wall_s, *(us / US_PER_S for us in jobs_us if us is not None)])
    return round(cpu_s / (wall_s * granted), 4)


def inside(request):
    """Returns (begin, end) of a request's time in the application, in microseconds of the run; None when that is not
    known."""
    if request.get("begun_us") is None or request.get("app_us") is None:
        return None
    begin = request["begun_us"] + (request.get("gil_us") or 0)
    return begin, begin + request["app_us"]


def waited_us(request):
    """Returns the microseconds from sent, by the client, to entering the application, None when that is not known.
    Unlike queue_us this is known of every server: it has the connection's way through the kernel in it, and the
    client's own delays."""
    stay = inside(request)
    return None if stay is None or request.get("sent_us") is None else max(0, stay[0] - request["sent_us"])


def waits(requests):
    """Yields (begin, end) of every time that a request was kept waiting, in microseconds of the run: it had been sent
    and was not yet in the application. A request that never got there (refused, given up) waited until it was answered.

    The first tenth of a median stay in the application (at least 1 ms) is not counted: every request needs a moment to
    arrive, and 20 requests sent at once to 20 idle workers are not 20 that wait."""
    stays = sorted(stay[1] - stay[0] for stay in map(inside, requests) if stay)
    transit_us = max(TRANSIT_LEAST_US, TRANSIT_SHARE * percentile(stays, 50)) if stays else TRANSIT_LEAST_US
    for request in requests:
        begin, stay = request.get("sent_us"), inside(request)
        end = stay[0] if stay else request.get("answered_us")
        if begin is not None and end is not None and end > begin + transit_us:
            yield begin + transit_us, end


def most_at_once(spans):
    """Returns how many of the spans (begin, end) overlap at most, 0 without any; one that begins where another ends
    does not overlap it."""
    spans = list(spans)
    moments = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    now = most = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most
