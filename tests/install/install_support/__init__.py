# SPDX-License-Identifier: MIT
"""What the tests of installed files share."""
