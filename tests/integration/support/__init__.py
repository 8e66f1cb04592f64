# SPDX-License-Identifier: MIT
"""What the integration tests stand on: the server as a child process, a client that speaks in bytes, checks at the
end."""
