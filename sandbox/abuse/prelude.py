"""What every attack can use inside the sandbox: system calls by name, and the three words that say how it went.

This file's text is put before the attack's own code. It needs nothing but the standard library of Python 3.9.
"""

import ctypes
import errno
import os
import platform
import sys  # noqa: F401  # for the attacks
from typing import Any, Callable, Dict  # noqa: UP035  # what runs inside may be Python 3.9

__all__ = ["MARK", "TRAP", "attempt", "begin", "call", "deepest", "harmless", "refused", "stopped", "won"]

TRAP: Dict[str, Any] = {}  # noqa: UP006
"""Where the host laid its secrets; never what they are."""
MARK = "agentkit"
"""The name by which the host knows this attack's processes and files."""

MACHINE = 0 if platform.machine() == "x86_64" else 1
NUMBERS = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsopen": (430, 430),
    "init_module": (175, 105),
    "io_uring_setup": (425, 425),
    "iopl": (172, -1),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "mknodat": (259, 33),
    "modify_ldt": (154, -1),
    "mount": (165, 40),
    "mq_open": (240, 180),
    "mq_timedreceive": (243, 183),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmat": (30, 196),
    "shmget": (29, 194),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
"""Numbers of system calls on x86_64 and aarch64."""


def begin(mark: str, trap: Dict[str, Any]) -> None:  # noqa: UP006
    """Take the mark as this process's name, which its forks inherit and the host can see."""
    globals()["MARK"] = mark
    TRAP.update(trap)
    ctypes.CDLL(None).prctl(15, mark.encode(), 0, 0, 0)  # PR_SET_NAME


def stopped(by: str) -> Dict[str, str]:  # noqa: UP006
    return {"verdict": "stopped", "by": by}


def harmless(by: str) -> Dict[str, str]:  # noqa: UP006
    return {"verdict": "harmless", "by": by}


def won(by: str) -> Dict[str, str]:  # noqa: UP006
    return {"verdict": "NOT STOPPED", "by": by}


def call(name: str, *arguments: Any) -> int:
    """A system call by name.

    Raises:
        OSError: what the kernel or a filter before it said.
    """
    number = NUMBERS[name][MACHINE]
    if number < 0:
        raise OSError(errno.ENOSYS, "no such call on this machine")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    plain = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result = libc.syscall(ctypes.c_long(number), *plain)
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return int(result)


def refused(error: OSError) -> str:
    """The error's name, such as EPERM."""
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def attempt(*deeds: Callable[[], Any], good: Callable[[str], Dict[str, str]] = won) -> Dict[str, str]:  # noqa: UP006
    """Do one after another: `good` with the text that the first that succeeds gave, else stopped by the errors met."""
    met = []
    for deed in deeds:
        try:
            got = deed()
        except OSError as error:
            met.append(refused(error))
        except ValueError as error:  # the library's own word for EPERM of setrlimit
            met.append("EPERM" if "not allowed" in str(error) else type(error).__name__)
        else:
            return good(got[:200] if isinstance(got, str) else "it was let do so")
    return stopped(", ".join(sorted(set(met))) or "there was nothing to try")


def deepest(levels: int) -> int:
    """Make folders one in another from here, as deep as it goes, and come back; how deep it went."""
    start = os.getcwd()  # noqa: PTH109
    made = 0
    try:
        for made in range(levels):  # noqa: B007
            os.mkdir("d")  # noqa: PTH102
            os.chdir("d")
    except OSError:
        pass
    finally:
        os.chdir(start)
    return made
