# SPDX-License-Identifier: MIT
"""Runs the servers that are a library and have no command for it, as their documentation says:

    in_process.py bjoern|fastwsgi MODULE:CALLABLE PORT WORKERS

The module is looked for in the current directory, then along PYTHONPATH."""

import importlib
import os
import sys


def run_bjoern(application, port, workers):
    import bjoern
    bjoern.listen(application, "127.0.0.1", port)
    for _ in range(workers - 1):
        if os.fork() == 0:
            break
    bjoern.run()


def run_fastwsgi(application, port, workers):
    import fastwsgi
    fastwsgi.server.tcp_nodelay = 1
    fastwsgi.run(application, "127.0.0.1", port, loglevel=fastwsgi.LL_FATAL_ERROR, workers=workers)


def main():
    server, name, port, workers = sys.argv[1:]
    module, _, attribute = name.partition(":")
    sys.path[0] = os.getcwd()  # in place of this file's directory, whose modules are not the application's
    application = getattr(importlib.import_module(module), attribute)
    {"bjoern": run_bjoern, "fastwsgi": run_fastwsgi}[server](application, int(port), int(workers))


if __name__ == "__main__":
    main()
