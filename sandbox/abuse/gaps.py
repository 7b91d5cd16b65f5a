"""What each backend is known not to stop, and why. A test holds this list to what the suite sees."""

from __future__ import annotations

__all__ = ["KNOWN_GAPS"]

FILES = "it runs as this user, in this user's file system"
SIGHT = "it shares processes, shared memory and queues with everybody"
CALLS = "there is no filter of system calls"
NETWORK = "it shares this machine's network; the proxy is an offer"
ROOM = "only its work folder is watched, and that from time to time"

KNOWN_GAPS: dict[str, dict[str, str]] = {
    "bubblewrap": {},
    "container": {},
    "process": {
        "a host file of its owner's": FILES,
        "a host file open to all": FILES,
        "a port of the host's loopback": NETWORK,
        "a socket file of the host": FILES,
        "a socket without a file": NETWORK,
        "another sandbox's files": FILES,
        "around the proxy": NETWORK,
        "files without end in /dev/shm": ROOM,
        "files without end in /tmp": ROOM,
        "filling /dev/shm": ROOM,
        "filling /tmp": ROOM,
        "io_uring": CALLS,
        "keys in home folders": FILES,
        "keys via /proc/PID/environ": SIGHT,
        "netlink": CALLS,
        "packets to the host": NETWORK,
        "perf_event_open": CALLS,
        "POSIX message queue": SIGHT,
        "processes of the host": SIGHT,
        "shared memory files": FILES,
        "System V shared memory": SIGHT,
        "system calls of 32-bit programs": CALLS,
        "the host's keyring": CALLS,
        "the host's own address": NETWORK,
        "the project folder": FILES,
        "userfaultfd": CALLS,
        "watching all files": CALLS,
    },
}
"""By the backend's name: an attack's name, and why it is not stopped."""
