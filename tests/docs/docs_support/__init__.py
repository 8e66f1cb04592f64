# SPDX-License-Identifier: MIT
"""What the tests of the documents share."""
