# SPDX-License-Identifier: MIT
"""Has neither `application` nor `app`, and one attribute that cannot be called."""

settings = {"debug": False}
