# SPDX-License-Identifier: MIT
"""The built-in applications of a comparison: each a WSGI `application`, a TITLE and two sentences SAYS on what to see."""
