# SPDX-License-Identifier: MIT
"""Calls sys.exit() while it is imported."""

import sys

sys.exit("configuration missing")
