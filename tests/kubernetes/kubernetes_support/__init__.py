# SPDX-License-Identifier: MIT
"""What the tests of the manifests share."""
