# SPDX-License-Identifier: MIT
"""The ten-second task of app_main.py, moved out of the web server into a Celery worker. See README.md."""
