"""Attacks that use things up: memory, processes, descriptors, disk, inodes, output, the processor, time.

A bomb is stopped by a limit, whose name the result has, or by an error that it meets itself. What its processes held
at most, the host counts from outside.
"""

from __future__ import annotations

from sandbox.abuse.attack import Attack, Ruling, Scene, Verdict, told
from sandbox.contracts import MIB

__all__ = ["BOMBS", "held"]

ENOUGH = 1.3
"""How far above the limit the host may see memory for a moment; a watchdog looks every 20 ms."""
GRACE_S = 5.0
LOSES = "fills the machine's memory, as nothing limits what its processes hold together"
FILLS = "fills the machine's disk"


async def held(scene: Scene) -> Ruling:
    """Stopped at a limit, by an error, or by a signal, and never far above what the limits allow."""
    limits, peak, result = scene.limits, scene.peak, scene.result
    if peak.memory_bytes > ENOUGH * limits.memory_bytes:
        return Ruling(Verdict.NOT_STOPPED, f"held {peak.memory_bytes // MIB} MiB of {limits.memory_bytes // MIB}")
    if max(peak.processes, peak.threads) > limits.processes:
        return Ruling(Verdict.NOT_STOPPED, f"had {peak.processes} processes, {peak.threads} threads")
    if result is None:
        return Ruling(Verdict.STOPPED, "the whole sandbox was ended")
    if result.wall_s > limits.wall_s + GRACE_S:
        return Ruling(Verdict.NOT_STOPPED, f"ran for {result.wall_s:.0f} s of {limits.wall_s:g}")
    if result.stop is not None:
        return Ruling(Verdict.STOPPED, f"limit: {result.stop.value}")
    if result.signal is not None:
        return Ruling(Verdict.STOPPED, f"killed by signal {result.signal}")
    if result.error is not None and result.error.type in ("MemoryError", "OSError", "RuntimeError"):
        return Ruling(Verdict.STOPPED, result.error.type)
    return await told(scene)


HOLD = """
import time
def grow(size, seconds=5):
    held = []
    for _ in range(size >> 20):
        held.append(b"x" * (1 << 20))
    time.sleep(seconds)
"""

BOMBS = (
    Attack(
        name="fork bomb",
        tries="start more processes than the limit, each starting more",
        code="""
import time
met = ""
for _ in range(400):
    try:
        if os.fork() == 0:
            try:
                os.fork()
            except OSError:
                pass
            time.sleep(60)
    except OSError as error:
        met = refused(error)
        break
stopped(met) if met else won("400 processes")
""",
        judge=held,
        watched=True,
        hurts="fills the machine with processes",
    ),
    Attack(
        name="thread bomb",
        tries="start more threads than the limit",
        code="""
import threading, time
met = ""
for count in range(400):
    try:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    except RuntimeError as error:
        met = "no new thread"
        break
print(stopped(met) if met else won("400 threads"), flush=True)
os._exit(0) if not met else stopped(met)
""",
        judge=held,
        watched=True,
        hurts="fills the machine with threads",
    ),
    Attack(
        name="memory bomb",
        tries="hold twice the memory in one process",
        code=HOLD
        + """
grow(600 << 20)
won("600 MiB")
""",
        judge=held,
        watched=True,
        hurts=LOSES,
    ),
    Attack(
        name="memory in ten processes",
        tries="hold much more together than each of ten processes may alone",
        code=HOLD
        + """
pids = []
for _ in range(10):
    pid = os.fork()
    if pid == 0:
        grow(60 << 20)
        os._exit(0)
    pids.append(pid)
ended = [os.waitpid(pid, 0)[1] for pid in pids]
won("600 MiB in ten processes") if not any(ended) else stopped("some of its processes were killed")
""",
        judge=held,
        watched=True,
        hurts=LOSES,
    ),
    Attack(
        name="memory mapped all at once",
        tries="map 1 TiB of memory, which costs nothing, and touch 1 GiB of it",
        code="""
import mmap
try:
    big = mmap.mmap(-1, 1 << 40)
    for start in range(0, 1 << 30, 4096):
        big[start] = 1
    answer = won("1 GiB of 1 TiB")
except (OSError, ValueError) as error:
    answer = stopped(refused(error) if isinstance(error, OSError) else type(error).__name__)
answer
""",
        judge=held,
        watched=True,
        hurts=LOSES,
    ),
    Attack(
        name="memory in files without a name",
        tries="fill memory by memfd, which no limit on a process counts",
        code="""
written = 0
try:
    handle = os.memfd_create("m")
    while written < 600 << 20:
        written += os.write(handle, bytes(1 << 20))
    answer = won("600 MiB in a memfd")
except OSError as error:
    answer = stopped(refused(error))
answer
""",
        judge=held,
        hurts=LOSES,
    ),
    Attack(
        name="memory in pipes",
        tries="fill the kernel's memory with the contents of pipes and sockets",
        code="""
import fcntl, socket
held, total, met = [], 0, "descriptors"
try:
    while total < 600 << 20:
        read, write = os.pipe()
        held.append((read, write))
        try:
            fcntl.fcntl(write, 1031, 1 << 20)
        except OSError:
            pass
        os.set_blocking(write, False)
        try:
            while True:
                total += os.write(write, bytes(65536))
        except BlockingIOError:
            pass
except OSError as error:
    met = refused(error)
won(f"{total >> 20} MiB in pipes") if total > 300 << 20 else stopped(met)
""",
        judge=held,
        hurts=LOSES,
    ),
    Attack(
        name="descriptor bomb",
        tries="open a hundred thousand files",
        code="""
try:
    for _ in range(100_000):
        os.dup(1)
    answer = won("100,000 descriptors")
except OSError as error:
    answer = stopped(refused(error))
answer
""",
        judge=held,
    ),
    *(
        Attack(
            name=f"filling {name}",
            tries=f"write eight times the limit of bytes into {name}, in files of 1 MiB",
            code=f"""
folder, written, met = {folder!r}, 0, ""
try:
    for number in range(8 * 24):
        with open(f"{{folder}}/fill{{MARK}}{{number}}", "wb") as file:
            file.write(bytes(1 << 20))
        written += 1
except OSError as error:
    met = refused(error)
import time
time.sleep(0 if met else 2)  # for whoever looks from time to time
for number in range(8 * 24):
    try:
        os.unlink(f"{{folder}}/fill{{MARK}}{{number}}")
    except OSError:
        pass
stopped(met) if met and written <= 27 else won(f"{{written}} MiB of 24")
""",
            judge=held,
        )
        for name, folder in (("the work folder", "."), ("/tmp", "/tmp"), ("/dev/shm", "/dev/shm"))
    ),
    *(
        Attack(
            name=f"files without end in {name}",
            tries=f"make ten times as many files as the limit in {name}",
            code=f"""
folder, made, met = {folder!r} + "/many" + MARK, 0, ""
try:
    os.mkdir(folder)
    for made in range(4000):
        open(f"{{folder}}/{{made}}", "w").close()
except OSError as error:
    met = refused(error)
import shutil, time
time.sleep(0 if met else 2)
shutil.rmtree(folder, ignore_errors=True)
stopped(met) if met and made <= 440 else won(f"{{made}} files of 400")
""",
            judge=held,
        )
        for name, folder in (("the work folder", "."), ("/tmp", "/tmp"), ("/dev/shm", "/dev/shm"))
    ),
    Attack(
        name="one huge file",
        tries="write one file above the limit",
        code="""
try:
    with open("huge", "wb") as file:
        for _ in range(40):
            file.write(bytes(1 << 20))
    answer = won("40 MiB of 24")
except OSError as error:
    answer = stopped(refused(error))
os.unlink("huge")
answer
""",
        judge=held,
    ),
    Attack(
        name="zombies",
        tries="leave so many dead children that no process can be started",
        code="""
met = ""
for _ in range(2000):
    try:
        if os.fork() == 0:
            os._exit(0)
    except OSError as error:
        met = refused(error)
        break
stopped(met) if met else won("2,000 zombies")
""",
        judge=held,
        hurts="fills the machine's table of processes",
    ),
    Attack(
        name="signals and timers without end",
        tries="queue signals and timers until the kernel has no room",
        code="""
import signal
libc = ctypes.CDLL(None, use_errno=True)
signal.pthread_sigmask(signal.SIG_BLOCK, range(34, 64))
met = ""
for _ in range(200_000):
    if libc.sigqueue(os.getpid(), 40, ctypes.c_void_p(0)):
        met = errno.errorcode.get(ctypes.get_errno(), "?")
        break
stopped(met) if met else won("200,000 signals")
""",
        judge=held,
        hurts="uses up what its user may queue",
    ),
)
