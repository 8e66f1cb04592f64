# SPDX-License-Identifier: MIT
"""Runs an application under several settings of clutch with the same load, and shows what became of every request."""
