"""Attacks on parts of the kernel that escapes were built from, and on filters that look at system calls.

The kernel's own answer to a valid call is what counts.
"""

from __future__ import annotations

from sandbox.abuse.attack import Attack
from sandbox.abuse.rights import NEEDS_ROOT

__all__ = ["KERNEL"]

KERNEL = (
    Attack(
        name="io_uring",
        tries="set up a ring, whose operations no filter of system calls sees",
        code="attempt(lambda: call('io_uring_setup', 8, ctypes.create_string_buffer(248)))",
    ),
    Attack(
        name="userfaultfd",
        tries="hold the kernel still at a page fault of its own, which many exploits need",
        code="""
attempt(
    lambda: call("userfaultfd", 1), lambda: call("userfaultfd", 0), lambda: os.open("/dev/userfaultfd", os.O_RDWR)
)
""",
    ),
    Attack(
        name="bpf",
        tries="load a map or a program into the kernel",
        code="""
import struct
kinds = [ctypes.create_string_buffer(struct.pack("<IIIII", kind, 4, 4, 1, 0), 128) for kind in (1, 2)]
attempt(*(lambda kind=kind: call("bpf", 0, kind, 128) for kind in kinds))
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="perf_event_open",
        tries="count events of the processor, which leaks what others compute",
        code="""
import struct
event = ctypes.create_string_buffer(struct.pack("<IIQQQQQ", 1, 112, 1, 0, 0, 0, (1 << 5) | (1 << 6)), 112)
attempt(lambda: call("perf_event_open", event, 0, -1, -1, 0))
""",
    ),
    Attack(
        name="kernel modules",
        tries="load or remove a module",
        code="""
image = b"\\x7fELF" + bytes(60)
open("m.ko", "wb").write(image)
attempt(
    lambda: call("init_module", image, len(image), b""),
    lambda: call("finit_module", os.open("m.ko", os.O_RDONLY), b"", 0),
    lambda: call("delete_module", b"none", 0),
)
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="kexec",
        tries="load another kernel",
        code="attempt(lambda: call('kexec_load', 0, 0, 0, 0))",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="typing into a terminal",
        tries="push keys into the terminal of whoever started the sandbox, with TIOCSTI or TIOCLINUX",
        code="""
import fcntl
def push(path, request, data):
    return fcntl.ioctl(os.open(path, os.O_RDWR | os.O_NOCTTY) if isinstance(path, str) else path, request, data)
places = ("/dev/tty", "/dev/console", "/dev/tty0", 0, 1, 2)
attempt(*(lambda p=p, r=r, d=d: push(p, r, d) for p in places for r, d in ((0x5412, b"#"), (0x541C, b"\\x03"))))
""",
        hurts="types into the terminal",
    ),
    Attack(
        name="system calls of 32-bit programs",
        tries="reach the forbidden keyring through int 0x80, whose numbers a careless filter does not know",
        code="""
import mmap, signal
def through_the_gate():
    if platform.machine() != "x86_64":
        raise OSError(38, "no such gate on this machine")
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    # push rbx; mov eax,288 (keyctl); xor ebx,ebx; mov ecx,-3; xor edx,edx; int 0x80; pop rbx; ret
    page.write(bytes.fromhex("53b82001000031dbb9fdffffff31d2cd805bc3"))
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    result = ctypes.CFUNCTYPE(ctypes.c_int)(address)()
    if -4096 < result < 0:
        raise OSError(-result, "int 0x80")
    return "keyctl answered through int 0x80"
pid = os.fork()
if pid == 0:
    os._exit(int(attempt(through_the_gate)["verdict"] == "stopped"))
state = os.waitpid(pid, 0)[1]
if os.WIFSIGNALED(state):
    answer = stopped(f"killed ({signal.Signals(os.WTERMSIG(state)).name})")
else:
    answer = stopped("an error") if os.WEXITSTATUS(state) else won("keyctl through int 0x80")
answer
""",
    ),
    Attack(
        name="system calls of x32 programs",
        tries="reach the forbidden keyring by the numbers of the x32 interface",
        code="""
NUMBERS["keyctl"] = (0x40000000 + 250, -1)
pid = os.fork()
if pid == 0:
    os._exit(int(attempt(lambda: call("keyctl", 0, -3, 0))["verdict"] == "stopped"))
state = os.waitpid(pid, 0)[1]
stopped("killed (SIGSYS)" if os.WIFSIGNALED(state) else "an error") if os.WIFSIGNALED(state) or os.WEXITSTATUS(
    state
) == 1 else won("keyctl by x32")
""",
    ),
    Attack(
        name="segments of old programs",
        tries="change the table of segments, raise the level of input and output",
        code="""
attempt(lambda: call("modify_ldt", 1, ctypes.create_string_buffer(16), 16), lambda: call("iopl", 3))
""",
        hurts=NEEDS_ROOT,
    ),
    Attack(
        name="personality",
        tries="turn off the randomness of addresses for what it starts",
        code="""
attempt(lambda: call("personality", 0x40000), good=lambda got: harmless("only for its own processes"))
""",
    ),
    Attack(
        name="comparing processes",
        tries="compare kernel objects of pid 1 with its own, which leaks addresses",
        code="attempt(lambda: call('kcmp', 1, os.getpid(), 0, 0, 0))",
    ),
    Attack(
        name="watching all files",
        tries="be told of every file that is opened on a file system",
        code="attempt(lambda: call('fanotify_init', 0, 0), lambda: call('fanotify_init', 0x200, 0))",
    ),
)
