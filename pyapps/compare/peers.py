# SPDX-License-Identifier: MIT
"""The other servers: which are installed, and how each is started. The one table of their command lines, for the
comparison of worker counts as for the benchmark (tests/bench).

They live in a virtual environment of their own, which setup/peers makes. Needs nothing beyond Python's own library."""

import importlib.metadata
import os
import pathlib

from compare import observe

HERE = pathlib.Path(__file__).resolve().parent
PYAPPS = HERE.parent
NAMES = ("bjoern", "fastwsgi", "granian", "gunicorn", "uwsgi", "waitress")
VARIANTS = ("gunicorn-sync", "uwsgi-http11")  # other ways to run the same packages, told apart by the benchmark
OBSERVED_APP = "compare.observe:application"
ONE_THREAD = ("bjoern", "fastwsgi", "gunicorn-sync")
ONE_PROCESS = ("waitress",)
CONNECTIONS_MOST = 20000
LISTEN_MOST = 1024


class Refused(Exception):
    """A server has no such mode; the text, one sentence, says what it lacks."""


def find(name, venv):
    """Returns the version of a server installed in the virtual environment `venv`, None when it is not installed
    there."""
    for directory in sorted(pathlib.Path(venv).glob("lib*/python3*/site-packages")):
        for distribution in importlib.metadata.distributions(name=package(name), path=[str(directory)]):
            return distribution.version
    return None


def package(name):
    """Returns the name on the package index of a server or one of its variants."""
    return name.partition("-")[0]


def missing(name):
    """Returns what to tell the user of a server that `find` does not find."""
    return f"{name} is not installed; 'setup/peers {package(name)}' installs it"


def unknown(name):
    """Returns what to tell the user of a name that is not in NAMES."""
    return f"'{name}' is no server that is known here; expected {', '.join(NAMES)}"


def command(name, venv, port, app, workers=1, threads=1, connections=CONNECTIONS_MOST):
    """Returns the command line (a list of str) that serves `app`, MODULE:CALLABLE, at 127.0.0.1:`port`, each server
    tuned as its documentation says, for at most `connections` connections. Refused when the server has no such mode,
    KeyError for a name that is neither in NAMES nor in VARIANTS."""
    if name in ONE_THREAD and threads > 1:
        raise Refused(f"{name} has no threads")
    if name in ONE_PROCESS and workers > 1:
        raise Refused(f"{name} has one process only")
    bin_dir = pathlib.Path(venv) / "bin"
    return [str(part) for part in COMMANDS[name](bin_dir, port, app, workers, threads, connections)]


def plain_command(name, venv, port, workers, threads, connections=1000):
    """Returns the command line as a user of the server would write it, for the application that `environment` names:
    gunicorn without threads has its sync workers, as it does by itself. Refused as `command`."""
    if name == "gunicorn" and threads == 1:
        name = "gunicorn-sync"
    return command(name, venv, port, OBSERVED_APP, workers, threads, connections)


def environment(app, search=()):
    """Returns the environment variables, besides those that are set already, in which a server finds the wrapper of
    observe.py and the wrapper finds `app` (MODULE[:CALLABLE] or FILE.py[:CALLABLE]). `search` are more directories to
    import from; the user's own PYTHONPATH, which setup/compare keeps in COMPARE_PYTHONPATH, comes after them."""
    own = os.environ.get("COMPARE_PYTHONPATH", os.environ.get("PYTHONPATH"))
    places = [str(PYAPPS), *map(str, search), *filter(None, [own])]
    return {observe.APP_VARIABLE: app, "PYTHONPATH": os.pathsep.join(places)}


def stamps(fields):
    """Returns {"pid", "thread_id", "begin_us", "end_us"} of a response served through observe.py: both moments in
    microseconds since the epoch. `fields` is a mapping of its header fields, names in any case. None when it carries no
    stamp: the application raised, or the server itself answered."""
    text = next((value for name, value in fields.items() if name.lower() == observe.STAMP_FIELD.lower()), "")
    try:
        pid, thread, begin, end = map(int, text.split())
    except ValueError:
        return None
    return {"pid": pid, "thread_id": thread, "begin_us": begin, "end_us": end}


def lanes(stamped):
    """Returns {(pid, thread_id): (worker, thread)} for a list of `stamps`: workers numbered from 1, threads within
    theirs from 0, both by who began first."""
    workers, threads, places = {}, {}, {}
    for stamp in sorted(stamped, key=lambda stamp: stamp["begin_us"]):
        pid, thread = stamp["pid"], stamp["thread_id"]
        worker = workers.setdefault(pid, len(workers) + 1)
        of_worker = threads.setdefault(pid, {})
        places[pid, thread] = worker, of_worker.setdefault(thread, len(of_worker))
    return places


def in_process(name):
    """A server that is a library: a Python of the virtual environment runs it."""

    def words(bin_dir, port, app, workers, _threads, _connections):
        return [bin_dir / "python", HERE / "in_process.py", name, app, port, workers]

    return words


def granian(bin_dir, port, app, workers, threads, connections):
    fixed = "--interface wsgi --host 127.0.0.1 --http 1 --no-ws --log-level error".split()
    sizes = ["--workers", workers, "--blocking-threads", threads, "--backpressure", connections]
    return [bin_dir / "granian", *fixed, "--port", port, *sizes, app]


def gunicorn(bin_dir, port, app, workers, threads, connections):
    many = [
        "--worker-class",
        "gthread",
        "--threads",
        threads,
        "--keep-alive",
        "75",
        "--worker-connections",
        connections,
    ]
    return [*gunicorn_sync(bin_dir, port, app, workers, threads, connections)[:-1], *many, app]


def gunicorn_sync(bin_dir, port, app, workers, _threads, _connections):
    return [bin_dir / "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", workers, "--log-level", "error", app]


def uwsgi(*front):
    """uWSGI behind one of its two HTTP fronts: the options before and after the address."""

    def words(bin_dir, port, app, workers, threads, connections):
        sizes = ["--processes", workers, "--listen", longest_backlog(), "--max-fd", connections]
        many = ["--threads", threads] if threads > 1 else []
        fixed = "--master --die-on-term --need-app --disable-logging".split()
        address = [front[0], f"127.0.0.1:{port}", *front[1:]]
        return [bin_dir / "uwsgi", *address, *fixed, *sizes, *many, "--virtualenv", bin_dir.parent, "--module", app]

    return words


def longest_backlog():
    """Returns the backlog to ask for: uWSGI does not start when it is above the system's limit."""
    try:
        return min(LISTEN_MOST, int(pathlib.Path("/proc/sys/net/core/somaxconn").read_text(encoding="ascii")))
    except (OSError, ValueError):
        return LISTEN_MOST


def waitress(bin_dir, port, app, _workers, threads, connections):
    return [
        bin_dir / "waitress-serve",
        f"--listen=127.0.0.1:{port}",
        f"--threads={threads}",
        "--asyncore-use-poll",
        f"--connection-limit={connections}",
        app,
    ]


COMMANDS = {
    "bjoern": in_process("bjoern"),
    "fastwsgi": in_process("fastwsgi"),
    "granian": granian,
    "gunicorn": gunicorn,
    "gunicorn-sync": gunicorn_sync,
    "uwsgi": uwsgi("--http", "--http-keepalive", "--http-auto-chunked"),
    "uwsgi-http11": uwsgi("--http11-socket"),
    "waitress": waitress,
}
