"""Stands in for the browser's program when Playwright starts it, and becomes the browser: `wire.py` tells why.

Started as `launcher.py ADDRESS PROGRAM ARGUMENTS...` with Playwright's pipes as descriptors 3 (commands) and 4
(replies). Sends them, and the far ends of the browser's new pipes, to the socket at ADDRESS. Needs nothing but the
standard library.
"""

from __future__ import annotations

import os
import socket
import sys

__all__ = ["main"]

COMMANDS, REPLIES = 3, 4
"""The descriptors at which Chromium's `--remote-debugging-pipe` reads and writes."""


def main(address: str, command: list[str]) -> None:
    """Hand the pipes over and replace this process by the browser's."""
    commands, to_browser = os.pipe()
    from_browser, replies = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.connect(address)
        socket.send_fds(line, [b"pipes"], [COMMANDS, REPLIES, to_browser, from_browser])
    os.dup2(commands, COMMANDS)
    os.dup2(replies, REPLIES)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
