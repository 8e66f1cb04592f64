# SPDX-License-Identifier: MIT
"""The timeline of a run as a plotly figure: a lane for each app thread, in it a bar for each request, split into its
parts.

Several requests wait for the same lane at the same time. So a lane is divided into rows: each request gets the first
row that is free for its whole stay, from arriving to its end, in the order in which requests began. Five workers and
twenty callers make five lanes of four rows each, a staircase in each lane.

A part that is shorter than a 600th of the time axis could only be drawn longer than it was, so it is left to the hover.

Colours are names ("@app"); page.js puts those of the theme in their place. Moments are seconds since the start of the
load."""

import math

DRAWN_MOST = 400
LANES_MOST = 24
HEIGHT, MARGIN_TOP, MARGIN_BOTTOM = 324, 8, 48
TICK_PX = 13
GAP_BETWEEN_LANES = 0.35
SEEN_SHARE = 1 / 600
FIRST_FAILED_STATUS = 400
NOBODY = (math.inf, -1)
PARTS = ("waiting", "sent", "gil", "app", "write", "job", "failed")
BODIES = ("app", "failed")
NAMES = {
    "waiting": "waiting for a free app thread",
    "sent": "waiting, by the client's clock only",
    "gil": "waiting for the GIL",
    "app": "in the application",
    "write": "writing the response",
    "job": "answered; its job waits or runs elsewhere",
    "failed": "failed, or cut short",
}
MEANINGS = {
    "waiting": "all of it has arrived, and every app thread is taken",
    "sent": "from sending to the application's begin; this server tells no more",
    "gil": "a thread has taken it, and may not run Python yet",
    "app": "from the call to its return: computing, sleeping, taking turns",
    "write": "the response goes to the kernel",
    "job": "the caller has its 202 where the bar begins, the job is done where it ends",
    "failed": "an error, or no answer",
}
HATCHES = {
    "waiting": {"shape": "/", "size": 6, "solidity": 0.22, "fgcolor": "@waiting-line", "bgcolor": "@waiting"},
    "sent": {"shape": "/", "size": 7, "solidity": 0.16, "fgcolor": "@waiting-line", "bgcolor": "@sent"},
    "job": {"shape": ".", "size": 6, "solidity": 0.3, "fgcolor": "@job-line", "bgcolor": "@job"},
    "failed": {"shape": "x", "size": 6, "solidity": 0.3, "fgcolor": "@failed-line", "bgcolor": "@failed"},
}


def seconds(microseconds):
    return round(microseconds / 1e6, 6)


def lane_of(request):
    """Returns what runs the request: (worker, thread), (worker, -1) where the thread is not known, NOBODY where it was
    not run."""
    if request.get("worker") is None:
        return NOBODY
    thread = request.get("thread")
    return request["worker"], -1 if thread is None else thread


def has_failed(request):
    """Whether the request has no answer, or one that tells of an error."""
    status = request.get("status")
    return bool(request.get("error")) or status is None or status >= FIRST_FAILED_STATUS


def last_moment(run):
    """Returns when the last thing happened that is known of the run, in microseconds."""
    moments = [
        request.get(key)
        for request in run.get("requests") or []
        for key in ("sent_us", "begun_us", "answered_us", "done_us")
    ]
    return max((moment for moment in moments if moment is not None), default=0)


def spans(request, last_us):
    """Returns the parts of a request that take time, in order: [(name of the part, begin, end)] in microseconds. There
    is exactly one "app" or "failed" among them; one that has not ended lasts until last_us."""
    begin = first_known(request, "arrived_us", "sent_us")
    body = "failed" if has_failed(request) else "app"
    begun, app = request.get("begun_us"), request.get("app_us")
    if begun is None:
        return [(body, begin, max(begin, first_known(request, "answered_us", otherwise=last_us)))]
    parts = [("sent" if request.get("arrived_us") is None else "waiting", begin, begun)]
    inside = begun + (request.get("gil_us") or 0)
    end = inside + app if app is not None else max(inside, first_known(request, "answered_us", otherwise=last_us))
    parts += [("gil", begun, inside), (body, inside, end), ("write", end, end + (request.get("write_us") or 0))]
    if request.get("done_us") is not None:
        parts.append(("job", first_known(request, "answered_us", otherwise=end), request["done_us"]))
    return [part for part in parts if part[2] > part[1] or part[0] == body]


def first_known(request, *keys, otherwise=0):
    return next((request[key] for key in keys if request.get(key) is not None), otherwise)


def pack(stays):
    """Returns the row of each stay (begin, end): the first in which it overlaps no earlier one of the list. Touching is
    no overlap."""
    rows, places = [], []
    for begin, end in stays:
        place = next(
            (at for at, row in enumerate(rows) if all(end <= other[0] or begin >= other[1] for other in row)), len(rows)
        )
        if place == len(rows):
            rows.append([])
        rows[place].append((begin, end))
        places.append(place)
    return places


def order_of(requests):
    """Returns the indices of the requests in the order in which they began (those that never did: in which they were
    sent, last)."""

    def key(index):
        request = requests[index]
        begun = request.get("begun_us")
        return begun is None, begun if begun is not None else first_known(request, "sent_us"), index

    return sorted(range(len(requests)), key=key)


def lanes_of(run, drawn):
    """Returns the lanes to draw, in order: those of all workers and threads while they are few, else those that a
    request was run in."""
    used = {lane_of(run["requests"][index]) for index in drawn}
    threads = range(run["threads"]) if all(lane[1] >= 0 for lane in used - {NOBODY}) else (-1,)
    every = {(worker, thread) for worker in range(1, run["workers"] + 1) for thread in threads}
    return sorted(every | used if len(every) <= LANES_MOST else used)


def window_us(runs):
    """Returns the moment until which to draw all of these runs, None to draw them whole: with more than DRAWN_MOST
    requests in a run, until that many of the fastest such run have ended."""
    ends = []
    for run in runs:
        requests = run.get("requests") or []
        if len(requests) > DRAWN_MOST:
            last = last_moment(run)
            ends.append(sorted(spans(request, last)[-1][2] for request in requests)[DRAWN_MOST - 1])
    return min(ends, default=None)


def drawn_of(run, until_us):
    """Returns the indices of the requests to draw: those sent before until_us, at most DRAWN_MOST, in order of their
    beginning."""
    requests = run.get("requests") or []
    if until_us is None:
        return order_of(requests)
    inside = [index for index in order_of(requests) if first_known(requests[index], "sent_us", "arrived_us") < until_us]
    return inside[:DRAWN_MOST]


def rows_of(run, drawn):
    """Returns ({index: its row, from 0, gaps between lanes included}, [(lane, first row, rows)], rows in all)."""
    requests, last, top, places, bands = run["requests"], last_moment(run), 0.0, {}, []
    lanes = lanes_of(run, drawn)
    gap = GAP_BETWEEN_LANES if len(lanes) > 1 else 0
    for lane in lanes:
        mine = [index for index in drawn if lane_of(requests[index]) == lane]
        stays = [(parts[0][1], parts[-1][2]) for parts in (spans(requests[index], last) for index in mine)]
        rows = pack(stays)
        places.update((index, top + row) for index, row in zip(mine, rows))
        height = max(rows, default=0) + 1
        bands.append((lane, top, height))
        top += height + gap
    return places, bands, max(1.0, top - gap)


def figure(run, until_us, end_us):
    """Returns the plotly figure of a run, {"data", "layout", "order"}; order: indices of the drawn requests as the
    arrow keys step."""
    drawn = drawn_of(run, until_us)
    places, bands, total = rows_of(run, drawn)
    row_px = (HEIGHT - MARGIN_TOP - MARGIN_BOTTOM) / total
    thickness = 0.84 if row_px >= 5 else 1.0
    last = last_moment(run)
    traces = {part: trace(part, thickness, row_px) for part in PARTS}
    for index in drawn:
        for part, begin, end in spans(run["requests"][index], last):
            if end - begin < end_us * SEEN_SHARE and part not in BODIES:
                continue
            one = traces[part]
            one["y"].append(round(places[index] + 0.5, 3))
            one["base"].append(seconds(begin))
            one["x"].append(seconds(end - begin))
            one["customdata"].append(index)
    used = [one for one in traces.values() if one["y"]]
    return {"data": used, "layout": layout(run, bands, total, row_px, seconds(end_us)), "order": drawn}


def trace(part, thickness, row_px):
    marker = {"color": "@" + part, "line": {"width": 0}}
    if part in HATCHES and row_px >= 3:
        marker["pattern"] = HATCHES[part]
    return {
        "type": "bar",
        "orientation": "h",
        "name": part,
        "x": [],
        "y": [],
        "base": [],
        "customdata": [],
        "width": thickness,
        "marker": marker,
        "hoverinfo": "text",
    }


def layout(run, bands, total, row_px, end_s):
    """Returns plotly's layout: every lane has a band behind it and, where there is room, its name."""
    step = max(1, math.ceil(TICK_PX * len(bands) / (row_px * total)))
    named = bands[::step]
    title, name = naming([lane for lane, _, _ in bands if lane != NOBODY])
    tracks = [
        {
            "type": "rect",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "yref": "y",
            "y0": round(first, 3),
            "y1": round(first + rows, 3),
            "fillcolor": "@track",
            "line": {"width": 0},
            "layer": "below",
        }
        for _, first, rows in bands
    ]
    return {
        "height": HEIGHT,
        "margin": {"l": 56, "r": 12, "t": MARGIN_TOP, "b": MARGIN_BOTTOM},
        "barmode": "overlay",
        "shapes": tracks,
        "xaxis": {
            "range": [0, round(end_s * 1.02, 6) or 1],
            "title": {"text": "seconds since the first call", "standoff": 8},
            "nticks": 7,
        },
        "yaxis": {
            "range": [round(total, 3), 0],
            "showgrid": False,
            "tickvals": [round(first + rows / 2, 3) for _, first, rows in named],
            "ticktext": ["none" if lane == NOBODY else name(lane) for lane, _, _ in named],
            "title": {"text": title, "standoff": 6},
        },
    }


def naming(lanes):
    """Returns what the lanes are called, (title of the axis, function from lane to name): by worker, by thread, or by
    both."""
    if len({thread for _, thread in lanes}) <= 1:
        return "worker", lambda lane: str(lane[0])
    if len({worker for worker, _ in lanes}) <= 1:
        return "thread", lambda lane: str(lane[1])
    return "worker·thread", lambda lane: "%d·%d" % lane


def figures(runs):
    """Returns a figure for each run, all with the same time axis, None for a run without requests."""
    until = window_us(runs)
    end = until or max((last_moment(run) for run in runs), default=0)
    return [figure(run, until, end) if run.get("requests") else None for run in runs]
