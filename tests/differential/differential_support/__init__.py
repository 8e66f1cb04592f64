# SPDX-License-Identifier: MIT
"""What the differential tests share."""
