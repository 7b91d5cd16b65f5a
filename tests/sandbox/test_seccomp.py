"""The filter, judged by a small machine that runs it as the kernel does, and by the kernel itself."""

from __future__ import annotations

import ctypes
import errno
import platform
import re
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.contracts import SandboxUnavailable
from sandbox.denied import ABSENT, CLONE_NAMESPACES, DENIED
from sandbox.seccomp import ARCHITECTURES, NEWEST, UNCOUNTED, call_numbers, seccomp_filter

ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
MACHINES = sorted(ARCHITECTURES)
UNREFUSED = {
    "x86_64": {
        "read": 0,
        "mmap": 9,
        "fork": 57,
        "execve": 59,
        "kill": 62,
        "chmod": 90,
        "openat": 257,
        "pidfd_open": 434,
    },
    "aarch64": {"openat": 56, "read": 63, "kill": 129, "execve": 221, "mmap": 222, "pidfd_open": 434},
}


def verdict(program: bytes, *, arch: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    """What the program answers to a system call: classic BPF over struct seccomp_data, as in seccomp(2)."""
    padded = (*arguments, *[0] * (6 - len(arguments)))
    facts = struct.pack("=IIQ6Q", number, arch, 0, *padded)
    lines = list(struct.iter_unpack("=HBBI", program))
    at, held = 0, 0
    while True:
        code, yes, no, value = lines[at]
        at += 1
        if code == 0x20:
            (held,) = struct.unpack_from("=I", facts, value)
        elif code == 0x54:
            held &= value
        elif code == 0x06:
            return value
        else:
            answer = {0x15: held == value, 0x25: held > value, 0x45: bool(held & value)}[code]
            at += yes if answer else no


def ask(machine: str, name_or_number: str | int, *arguments: int) -> int:
    (number,) = call_numbers([name_or_number], machine) if isinstance(name_or_number, str) else [name_or_number]
    return verdict(seccomp_filter(machine), arch=ARCHITECTURES[machine].audit, number=number, arguments=arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_denied_is_refused_and_the_rest_goes_through(machine: str) -> None:
    program, audit = seccomp_filter(machine), ARCHITECTURES[machine].audit
    expected = dict.fromkeys(call_numbers(DENIED, machine), REFUSE | errno.EPERM)
    expected |= dict.fromkeys(call_numbers(ABSENT + UNCOUNTED, machine), REFUSE | errno.ENOSYS)
    looked_into = set(call_numbers(["socket", "socketpair", "clone", "ioctl"], machine))
    for number in set(range(NEWEST + 1)) - looked_into:
        assert verdict(program, arch=audit, number=number) == expected.get(number, ALLOW), number
    assert len(expected) > 70
    assert not expected.keys() & set(UNREFUSED[machine].values())


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("number", [NEWEST + 1, 467, 512, 547, 0xFFFFFFFF])
def test_calls_younger_than_the_filter_are_absent(machine: str, number: int) -> None:
    assert ask(machine, number) == REFUSE | errno.ENOSYS


@pytest.mark.parametrize("number", [0, 1, 41, 101, 272])
def test_x32_is_absent(number: int) -> None:
    assert ask("x86_64", 0x40000000 | number) == REFUSE | errno.ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("arch", [0x40000003, 0x40000028, 0xC00000F3, 0])
def test_a_foreign_architecture_is_killed(machine: str, arch: int) -> None:
    assert verdict(seccomp_filter(machine), arch=arch, number=0) == KILL


SOCKETS = {
    (2, 1, 0): ALLOW,
    (10, 2, 17): ALLOW,
    (2, 1 | 0o2000000 | 0o4000, 6): ALLOW,  # with CLOEXEC and NONBLOCK
    (1, 1, 0): REFUSE | errno.EAFNOSUPPORT,
    (16, 3, 0): REFUSE | errno.EAFNOSUPPORT,  # netlink
    (40, 1, 0): REFUSE | errno.EAFNOSUPPORT,  # vsock
    (17, 2, 0): REFUSE | errno.EAFNOSUPPORT,  # packet
    (38, 5, 0): REFUSE | errno.EAFNOSUPPORT,  # the kernel's cryptography
    (2, 3, 1): REFUSE | errno.EPERM,  # raw
    (2, 5, 0): REFUSE | errno.EPERM,
    (2, 1, 132): REFUSE | errno.EPROTONOSUPPORT,  # SCTP
    (2, 2, 1): REFUSE | errno.EPROTONOSUPPORT,  # ping
    (2, 1, 262): REFUSE | errno.EPROTONOSUPPORT,  # MPTCP
    (2 | 1 << 32, 1, 0): ALLOW,  # the kernel reads an int, and so does the filter
}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("arguments", SOCKETS, ids=str)
def test_sockets(machine: str, arguments: tuple[int, int, int]) -> None:
    assert ask(machine, "socket", *arguments) == SOCKETS[arguments]


@pytest.mark.parametrize("machine", MACHINES)
def test_a_pair_of_sockets_stays_in_the_sandbox(machine: str) -> None:
    assert ask(machine, "socketpair", 1, 1, 0) == ALLOW
    assert ask(machine, "socketpair", 30, 1, 0) == REFUSE | errno.EAFNOSUPPORT


@pytest.mark.parametrize("machine", MACHINES)
def test_processes_and_threads_but_no_namespaces(machine: str) -> None:
    assert ask(machine, "clone", signal.SIGCHLD) == ALLOW
    assert ask(machine, "clone", 0x3D0F00) == ALLOW  # what the C library asks for a thread
    for flag in CLONE_NAMESPACES:
        assert ask(machine, "clone", flag | signal.SIGCHLD) == REFUSE | errno.EPERM, hex(flag)


@pytest.mark.parametrize("machine", MACHINES)
def test_nothing_is_typed_into_a_terminal(machine: str) -> None:
    assert ask(machine, "ioctl", 0, 0x5401) == ALLOW  # TCGETS: is it a terminal?
    for request in (0x5412, 0x541C, 0x5423, 0x5412 | 1 << 32):
        assert ask(machine, "ioctl", 0, request) == REFUSE | errno.EPERM, hex(request)


def test_another_machine_is_said_to_be_unknown() -> None:
    with pytest.raises(SandboxUnavailable, match=r"'riscv64'.*x86_64 and aarch64.*container"):
        seccomp_filter("riscv64")


@pytest.mark.parametrize("machine", MACHINES)
def test_every_jump_lands_in_the_program(machine: str) -> None:
    lines = list(struct.iter_unpack("=HBBI", seccomp_filter(machine)))
    targets = [place + 1 + far for place, line in enumerate(lines) if line[0] & 7 == 5 for far in line[1:3]]
    assert max(targets) < len(lines) < 4096


def test_the_numbers_are_those_of_libseccomp() -> None:
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp is absent: apt-get install libseccomp2")
    for machine, here in ARCHITECTURES.items():
        for name in (*DENIED, *ABSENT, *UNCOUNTED, "socket", "socketpair", "clone", "ioctl"):
            known = library.seccomp_syscall_resolve_name_arch(ctypes.c_uint32(here.audit), name.encode())
            # An older library does not know the younger ones.
            if known >= 0:
                assert call_numbers([name], machine) == ([known] if known <= NEWEST else []), (machine, name)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the header is read on x86_64")
def test_no_number_of_ours_is_missing_in_the_kernels_header() -> None:
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("the kernel's headers are absent: apt-get install linux-libc-dev")
    known = dict(re.findall(r"#define __NR_(\w+) (\d+)", header.read_text()))
    for name in DENIED:
        if name in known and int(known[name]) <= NEWEST:
            assert call_numbers([name], "x86_64") == [int(known[name])], name


INSTALL = """
import ctypes, errno, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
program = bytes.fromhex(sys.argv[1])
held = ctypes.create_string_buffer(program, len(program))
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_void_p)]
libc.prctl(38, 1, 0, 0, 0)
filter = Program(len(program) // 8, ctypes.addressof(held))
assert libc.prctl(22, 2, ctypes.byref(filter), 0, 0) == 0, ctypes.get_errno()
def told(number, *arguments):
    return errno.errorcode[ctypes.get_errno()] if libc.syscall(number, *arguments) < 0 else "done"
"""


def run_filtered(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python that has put the filter on itself."""
    return subprocess.run(
        [sys.executable, "-c", INSTALL + code, seccomp_filter().hex()], capture_output=True, text=True, timeout=60
    )


here = pytest.mark.skipif(platform.machine() not in ARCHITECTURES, reason="no filter is known for this machine")


@here
def test_the_kernel_takes_it_and_python_works_under_it() -> None:
    code = (
        "import subprocess, threading, asyncio, tempfile, multiprocessing\n"
        "threading.Thread(target=print, args=('thread',)).start()\n"
        "print(subprocess.run(['sh', '-c', 'echo child'], capture_output=True, text=True).stdout, end='', flush=True)\n"
        "socket.create_server(('127.0.0.1', 0)).close(); socket.socketpair()\n"
        "asyncio.run(asyncio.sleep(0)); tempfile.TemporaryFile().close()\n"
        "print(multiprocessing.get_context('fork').Pool(1).map(abs, [-1]))\n"
    )
    ran = run_filtered(code)
    assert (ran.stdout.split(), ran.returncode) == (["thread", "child", "[1]"], 0), ran.stderr


@here
def test_the_kernel_refuses_what_it_says() -> None:
    calls = {"unshare": (0x04000000,), "keyctl": (0, -3, 0), "ptrace": (0, 0, 0, 0), "io_uring_setup": (1, 0)}
    calls |= {"memfd_create": (0, 0), "clone3": (0, 0), "socket": (1, 1, 0), "shmget": (0, 4096, 0o1600)}
    numbered = {name: (*call_numbers([name], platform.machine()), *given) for name, given in calls.items()}
    ran = run_filtered(f"for name, call in {numbered}.items(): print(name, told(*call))")
    assert dict(line.split() for line in ran.stdout.splitlines()) == {
        "unshare": "EPERM",
        "keyctl": "EPERM",
        "ptrace": "EPERM",
        "io_uring_setup": "EPERM",
        "memfd_create": "ENOSYS",
        "clone3": "ENOSYS",
        "socket": "EAFNOSUPPORT",
        "shmget": "ENOSYS",
    }, ran.stderr


@pytest.mark.skipif(platform.machine() != "x86_64", reason="32-bit calls are tried on x86_64")
def test_the_kernel_kills_a_32_bit_call() -> None:
    code = (
        "import mmap\n"
        "page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
        "page.write(bytes.fromhex('b814000000cd80c3'))\n"  # mov eax, 20 (getpid); int 0x80; ret
        "print('before', flush=True)\n"
        "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()\n"
        "print('after')\n"
    )
    ran = run_filtered(code)
    assert (ran.stdout, ran.returncode) == ("before\n", -signal.SIGSYS)
