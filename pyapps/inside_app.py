# SPDX-License-Identifier: MIT
"""What `import clutch` is for: work at the turns of a worker's life, figures for all workers, hints to the browser."""

import clutch
from clutch.metrics import Counter, Histogram

PAGES = Counter("shop_pages_total", "Pages that were shown.", ["page"])
TOOK = Histogram("shop_page_seconds", "How long they took to make.", buckets=[0.1, 1, 10])


@clutch.on_worker_start
def connect():
    print(f"worker {clutch.worker_id()} of {clutch.worker_count()} connects to its database", flush=True)


@clutch.on_worker_stop
def disconnect():
    print(f"worker {clutch.worker_id()} says goodbye", flush=True)


@TOOK.time()
def make_page():
    return b"<link rel=stylesheet href=/style.css><p>Hello\n"


def application(environ, start_response):
    clutch.early_hints([("Link", "</style.css>; rel=preload; as=style")])
    PAGES.labels(environ["PATH_INFO"]).inc()
    body = make_page()
    waited = clutch.request_timings().queue
    start_response("200 OK", [("Content-Type", "text/html"), ("X-Waited", f"{waited:.6f}")])
    return [body]
