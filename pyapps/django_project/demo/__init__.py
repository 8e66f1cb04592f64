# SPDX-License-Identifier: MIT
"""A small Django project without a database: pages, an upload, a streamed answer, sessions in signed cookies."""
