# SPDX-License-Identifier: MIT
"""The web application, which talks to Redis while it is loaded: with --preload that is before the workers are forked."""

import os

from offload import app

application = app.application
print(f"waiting before the fork: {app.sender.get().jobs.count_waiting()} in {os.getpid()}", flush=True)
