# SPDX-License-Identifier: MIT
"""Damages its own process as the path says, and answers. What is served afterwards is the damaged process's affair;
the server's own part of it is not to suffer."""

import asyncio
import builtins
import ctypes
import faulthandler
import gc
import locale
import os
import resource
import signal
import socket
import sys
import threading

from tools import dispatch, number, text_reply


def after(damage):
    def answer(environ, start_response):
        damage(environ)
        return text_reply(start_response, "damaged")

    return answer


def delete_builtins(environ):
    for name in ("len", "print", "isinstance", "Exception", "str", "open"):
        delattr(builtins, name)


def replace_import(environ):
    def fail(*arguments, **keywords):
        raise ImportError("no more imports")

    builtins.__import__ = fail


def clear_modules(environ):
    sys.modules.clear()


def close_streams(environ):
    sys.stdout.close()
    sys.stderr.close()


def no_streams(environ):
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None


def evil_streams(environ):
    class Stream:
        def write(self, text):
            raise SystemExit("evil stream")

        flush = write

    sys.stdout = sys.stderr = Stream()


def no_recursion(environ):
    """As low as it goes from here."""
    for limit in range(1, 100):
        try:
            return sys.setrecursionlimit(limit)
        except RecursionError:
            pass


def no_collection(environ):
    gc.disable()
    gc.set_threshold(0)


def low_recursion(environ):
    sys.setrecursionlimit(60)


def trace(environ):
    """Every call of the thread runs into it from now on."""

    def hook(*arguments):
        raise RuntimeError("raised by a trace function")

    sys.settrace(hook)


def profile(environ):
    def hook(frame, event, argument):
        sys.setprofile(None)
        raise RuntimeError("raised by a profile function")

    sys.setprofile(hook)


class Cycle:
    def __init__(self):
        self.me = self

    def __del__(self):
        raise RuntimeError("raised in a collection")


def collect(environ):
    gc.disable()
    for _ in range(100):
        Cycle()
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_debug(gc.DEBUG_UNCOLLECTABLE)


def gc_callback(environ):
    def callback(phase, info):
        raise RuntimeError("raised in a callback of gc")

    gc.callbacks.append(callback)
    gc.set_threshold(1)


def switch_interval(environ):
    sys.setswitchinterval(1e-6)
    for _ in range(4):
        threading.Thread(target=sum, args=(range(10**6),), daemon=True).start()


def change_locale(environ):
    for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "C"):
        try:
            locale.setlocale(locale.LC_ALL, name)
            return
        except locale.Error:
            pass


def surroundings(environ):
    os.chdir("/proc")
    os.umask(0o777)
    os.environ.clear()


def signal_mask(environ):
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def signal_handlers(environ):
    def handler(*arguments):
        raise RuntimeError("raised by a signal handler")

    for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGCHLD", "SIGALRM", "SIGPIPE", "SIGUSR1"):
        signal.signal(getattr(signal, name), handler)


again = True


def signal_again(environ):
    def handler(*arguments):
        if again:
            os.kill(os.getpid(), signal.SIGUSR2)
            raise RuntimeError("raised again")

    signal.signal(signal.SIGUSR2, handler)


def signal_enough(environ):
    global again
    again = False


def signals_by_default(environ):
    for name in ("SIGTERM", "SIGINT", "SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def reap_children(environ):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def wakeup_fd(environ):
    """Another's descriptor, soon closed; or none, as asyncio leaves it."""
    fd = os.open("/dev/null", os.O_WRONLY | os.O_NONBLOCK)
    signal.set_wakeup_fd(fd)
    signal.set_wakeup_fd(-1)
    os.close(fd)


def disable_faulthandler(environ):
    faulthandler.disable()
    faulthandler.enable(all_threads=True)


def stack_size(environ):
    threading.stack_size(64 * 1024)
    thread = threading.Thread(target=sorted, args=([1, 2],))
    thread.start()
    thread.join()


def recurse(environ):
    def down():
        return down()

    try:
        down()
    except RecursionError:
        pass


def recurse_in_c(environ):
    nested = []
    for _ in range(100_000):
        nested = [nested]
    try:
        repr(nested)
    except RecursionError:
        pass


def run_asyncio(environ):
    async def wait():
        await asyncio.sleep(0.001)

    asyncio.run(wait())


STOPPING = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGCHLD")


def asyncio_signals(environ):
    """Handlers of a loop that is closed with them, and of one that is left as it is."""

    async def wait():
        loop = asyncio.get_running_loop()
        for name in STOPPING:
            loop.add_signal_handler(getattr(signal, name), loop.stop)
        await asyncio.sleep(0.001)

    asyncio.run(wait())
    left.append(asyncio.new_event_loop())
    left[0].run_until_complete(wait_in(left[0]))


left = []


async def wait_in(loop):
    for name in STOPPING:
        loop.add_signal_handler(getattr(signal, name), print, name)
    await asyncio.sleep(0.001)


def asyncio_programs(environ):
    """Whichever thread this is; asyncio watches for the end of programs."""

    async def run():
        program = await asyncio.create_subprocess_exec("true")
        return await program.wait()

    assert asyncio.run(run()) == 0


def sub_interpreter(environ):
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    one = interpreters.create()
    interpreters.run_string(one, "import sys; sys.path.append('x'); del sys.modules['sys']")
    interpreters.destroy(one)


def limit_files(environ):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def limit_size(environ):
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def memory_error(environ):
    """Takes what a limit leaves; gives it back."""
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[0])
    limit = pages * resource.getpagesize() + (64 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    try:
        bytearray(1 << 30)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def memory_hog(environ):
    """The same, in small pieces, and with the limit still there while the exception is shown."""
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (32 << 20), resource.RLIM_INFINITY))
    held = []
    while True:
        held.append(bytes(5000))


def no_limit(environ):
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def close_descriptors(environ):
    os.closerange(3, 1000)


def scribble(environ):
    """Writes to whatever this process has inherited from the server and can be talked to."""
    for fd in range(3, 100):
        try:
            kind = os.readlink(f"/proc/self/fd/{fd}")
            if kind.startswith("pipe:") or kind.startswith("socket:") and is_local(fd):
                os.write(fd, b"\n")
        except OSError:
            pass


def is_local(fd):
    with socket.socket(fileno=os.dup(fd)) as copy:
        return copy.family == socket.AF_UNIX


def close_standard_descriptors(environ):
    for fd in range(3):
        os.close(fd)


def async_exception(environ):
    """Raises in this very thread, some instructions later."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(threading.get_ident()), ctypes.py_object(KeyError))


def excepthooks(environ):
    def fail(*arguments):
        raise RuntimeError("raised by a hook")

    sys.excepthook = sys.unraisablehook = threading.excepthook = fail
    Cycle()
    gc.collect()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


DAMAGES = {
    "builtins": delete_builtins,
    "import": replace_import,
    "modules": clear_modules,
    "close-streams": close_streams,
    "no-streams": no_streams,
    "evil-streams": evil_streams,
    "low-recursion": low_recursion,
    "no-recursion": no_recursion,
    "no-collection": no_collection,
    "trace": trace,
    "profile": profile,
    "collect": collect,
    "gc-callback": gc_callback,
    "switch-interval": switch_interval,
    "locale": change_locale,
    "surroundings": surroundings,
    "signal-mask": signal_mask,
    "signal-handlers": signal_handlers,
    "signal-again": signal_again,
    "signal-enough": signal_enough,
    "signals-by-default": signals_by_default,
    "reap-children": reap_children,
    "wakeup-fd": wakeup_fd,
    "faulthandler": disable_faulthandler,
    "stack-size": stack_size,
    "recurse": recurse,
    "recurse-in-c": recurse_in_c,
    "asyncio": run_asyncio,
    "asyncio-signals": asyncio_signals,
    "asyncio-programs": asyncio_programs,
    "sub-interpreter": sub_interpreter,
    "limit-files": limit_files,
    "limit-size": limit_size,
    "memory-error": memory_error,
    "memory-hog": memory_hog,
    "no-limit": no_limit,
    "close-descriptors": close_descriptors,
    "scribble": scribble,
    "close-standard": close_standard_descriptors,
    "async-exception": async_exception,
    "excepthooks": excepthooks,
}
PATHS = {name: after(damage) for name, damage in DAMAGES.items()}


def simple(environ, start_response):
    """Needs nothing that could be damaged."""
    start_response("200 OK", [("Content-Length", "6")])
    return [b"simple"]


def raising(environ, start_response):
    raise ValueError("raised afterwards")


def printing(environ, start_response):
    print("printed afterwards", flush=True)
    start_response("200 OK", [("Content-Length", "7")])
    return [b"printed"]


def application(environ, start_response):
    if environ["PATH_INFO"] == "/simple":
        return simple(environ, start_response)
    if environ["PATH_INFO"] == "/raise":
        return raising(environ, start_response)
    if environ["PATH_INFO"] == "/print":
        return printing(environ, start_response)
    return dispatch(PATHS, environ, start_response)
