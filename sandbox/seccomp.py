"""The seccomp filter of a sandbox: a small BPF program that the kernel runs before each system call.

    program = seccomp_filter("x86_64")      # bytes, as `bwrap --seccomp FD` and prctl(2) take them

What is refused by name is in `sandbox.denied`; here it gets its numbers, and a few calls are looked into: `socket`
opens TCP and UDP only, `socketpair` joins two ends in one sandbox, `clone` makes no namespace, `ioctl` types into no
terminal. Programs of a foreign architecture are killed, since their calls have other numbers. Calls younger than
`NEWEST` are answered with ENOSYS, as an older kernel would. The filter is a list of what is refused: it makes the
kernel smaller for an attacker, while namespaces and the user id are what keeps one apart from the machine.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sandbox.contracts import SandboxUnavailable
from sandbox.denied import ABSENT, CLONE_NAMESPACES, DENIED, SOCKET_FAMILIES

__all__ = ["ARCHITECTURES", "NEWEST", "UNCOUNTED", "Architecture", "call_numbers", "seccomp_filter"]

NEWEST = 450
"""set_mempolicy_home_node, the last call of Linux 5.17. From 424 on all architectures number alike."""

UNCOUNTED = ("memfd_create", "shmget", "msgget", "io_setup")
"""Memory that belongs to no process and no folder, and a queue that is limited for the whole machine: answered with
ENOSYS, so that a program uses a file instead."""

AF_UNIX = 1
STREAM, DATAGRAM = 1, 2
KIND = 0xF
"""Of the type of a socket; above it lie flags."""
PROTOCOLS = (0, 6, 17)
"""The usual one, TCP, UDP. The others would load a module of the kernel."""
TERMINAL_IOCTLS = (0x5412, 0x541C, 0x5423)
"""TIOCSTI and TIOCLINUX type into a terminal, TIOCSETD loads a line discipline."""


@dataclass(frozen=True, slots=True)
class Architecture:
    audit: int
    """What the kernel calls it in `seccomp_data.arch`."""
    column: int
    """Where its numbers stand in `NUMBERS`."""
    foreign_bit: int = 0
    """Set in the numbers of x32, a second way to make the same calls."""


ARCHITECTURES = {
    "x86_64": Architecture(0xC000003E, 0, foreign_bit=0x40000000),
    "aarch64": Architecture(0xC00000B7, 1),
}


def seccomp_filter(machine: str = "") -> bytes:
    """The program for `machine`, as `platform.machine()` names it; of this one by default.

    Raises:
        SandboxUnavailable: no numbers are known for it.
    """
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        known = " and ".join(ARCHITECTURES)
        raise SandboxUnavailable(f"no seccomp filter for {machine!r}: expected {known}; use the container backend")
    return b"".join(struct.pack("=HBBI", line.code, line.yes, line.no, line.value) for line in rules(machine))


def call_numbers(names: Iterable[str], machine: str) -> list[int]:
    """The numbers of those calls that the machine has and that are not above `NEWEST`."""
    column = ARCHITECTURES[machine].column
    numbers = (NUMBERS[name][column] for name in names if name not in ELSEWHERE)
    return [number for number in numbers if number is not None]


# ---- what the filter says: one line is one question about the call, or an answer


class Line(NamedTuple):
    """An instruction. A question skips so many lines where the answer is yes, or no."""

    code: int
    value: int = 0
    yes: int = 0
    no: int = 0


LOAD, AND, RETURN = 0x20, 0x54, 0x06
EQUAL, ABOVE, ANY_BIT = 0x15, 0x25, 0x45
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
"""Where they lie in the `seccomp_data` that the kernel hands the program."""


def rules(machine: str) -> list[Line]:
    """The program: it goes on until a line returns, and what nothing refuses is allowed."""
    here = ARCHITECTURES[machine]
    lines = [Line(LOAD, ARCHITECTURE), Line(EQUAL, here.audit, yes=1), Line(RETURN, KILL), Line(LOAD, NUMBER)]
    if here.foreign_bit:
        lines += refuse_if(ANY_BIT, here.foreign_bit, error=errno.ENOSYS)
    lines += refuse_if(ABOVE, NEWEST, error=errno.ENOSYS)
    for number in call_numbers(ABSENT + UNCOUNTED, machine):
        lines += refuse_if(EQUAL, number, error=errno.ENOSYS)
    for number in call_numbers(DENIED, machine):
        lines += refuse_if(EQUAL, number, error=errno.EPERM)
    for name, questions in LOOKED_INTO.items():
        block = [*questions(), Line(RETURN, ALLOW)]
        lines += [Line(EQUAL, number, no=len(block)) for number in call_numbers([name], machine)]
        lines += block
    return [*lines, Line(RETURN, ALLOW)]


def refuse_if(question: int, value: int, *, error: int) -> list[Line]:
    return [Line(question, value, no=1), Line(RETURN, REFUSE | error)]


def refuse_unless(values: Sequence[int], *, error: int) -> list[Line]:
    """Go on where what is loaded is one of `values`."""
    questions = [Line(EQUAL, value, yes=len(values) - place) for place, value in enumerate(values)]
    return [*questions, Line(RETURN, REFUSE | error)]


def argument(position: int) -> Line:
    """Load the lower half of an argument, which is all that the kernel reads of these."""
    return Line(LOAD, ARGUMENTS + 8 * position)


def about_socket() -> list[Line]:
    return [
        argument(0),
        *refuse_unless(SOCKET_FAMILIES, error=errno.EAFNOSUPPORT),
        argument(1),
        Line(AND, KIND),
        *refuse_unless((STREAM, DATAGRAM), error=errno.EPERM),
        argument(2),
        *refuse_unless(PROTOCOLS, error=errno.EPROTONOSUPPORT),
    ]


def about_socketpair() -> list[Line]:
    return [argument(0), *refuse_unless((AF_UNIX,), error=errno.EAFNOSUPPORT)]


def about_clone() -> list[Line]:
    return [argument(0), *refuse_if(ANY_BIT, sum(CLONE_NAMESPACES), error=errno.EPERM)]


def about_ioctl() -> list[Line]:
    return [argument(1), *(line for ioctl in TERMINAL_IOCTLS for line in refuse_if(EQUAL, ioctl, error=errno.EPERM))]


LOOKED_INTO = {"socket": about_socket, "socketpair": about_socketpair, "clone": about_clone, "ioctl": about_ioctl}


ELSEWHERE = frozenset(
    {"clock_adjtime64", "clock_settime64", "stime", "umount", "vm86", "vm86old"}  # of 32-bit machines
    | {"listmount", "open_tree_attr", "statmount"}  # above NEWEST
)
"""Names that need no number here."""

# fmt: off
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "_sysctl": (156, None), "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171),
    "afs_syscall": (183, None), "bpf": (321, 280), "chroot": (161, 51), "clock_adjtime": (305, 266),
    "clock_settime": (227, 112), "clone": (56, 220), "clone3": (435, 435), "create_module": (174, None),
    "delete_module": (176, 106), "fanotify_init": (300, 262), "fanotify_mark": (301, 263), "finit_module": (313, 273),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fsopen": (430, 430), "fspick": (433, 433),
    "get_kernel_syms": (177, None), "getpmsg": (181, None), "init_module": (175, 105), "io_setup": (206, 0),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "io_uring_setup": (425, 425), "ioctl": (16, 29),
    "ioperm": (173, None), "iopl": (172, None), "kcmp": (312, 272), "kexec_file_load": (320, 294),
    "kexec_load": (246, 104), "keyctl": (250, 219), "lookup_dcookie": (212, 18), "mbind": (237, 235),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "migrate_pages": (256, 238), "mlock": (149, 228),
    "mlock2": (325, 284), "mlockall": (151, 230), "modify_ldt": (154, None), "mount": (165, 40),
    "mount_setattr": (442, 442), "move_mount": (429, 429), "move_pages": (279, 239), "mq_getsetattr": (245, 185),
    "mq_notify": (244, 184), "mq_open": (240, 180), "mq_timedreceive": (243, 183), "mq_timedsend": (242, 182),
    "mq_unlink": (241, 181), "msgget": (68, 186), "name_to_handle_at": (303, 264), "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265), "open_tree": (428, 428), "perf_event_open": (298, 241), "personality": (135, 92),
    "pidfd_getfd": (438, 438), "pivot_root": (155, 41), "process_madvise": (440, 440), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "ptrace": (101, 117), "putpmsg": (182, None), "query_module": (178, None),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "reboot": (169, 142), "remap_file_pages": (216, 234),
    "request_key": (249, 218), "security": (185, None), "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450), "setdomainname": (171, 162), "sethostname": (170, 161),
    "setns": (308, 268), "settimeofday": (164, 170), "shmget": (29, 194), "socket": (41, 198),
    "socketpair": (53, 199), "swapoff": (168, 225), "swapon": (167, 224), "sysfs": (139, None), "syslog": (103, 116),
    "tuxcall": (184, None), "umount2": (166, 39), "unshare": (272, 97), "uselib": (134, None),
    "userfaultfd": (323, 282), "ustat": (136, None), "vhangup": (153, 58), "vserver": (236, None),
}
# fmt: on
"""Of each call on x86_64 and on aarch64."""
