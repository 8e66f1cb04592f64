# SPDX-License-Identifier: MIT
"""The page of a comparison: one HTML file with pictures, tables and the figures they are made of. See page.write."""
