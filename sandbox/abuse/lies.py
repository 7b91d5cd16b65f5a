"""Attacks on the truth of results: forged answers, lost channels, killed supervisors, values that break their reader.

A snippet may say anything about its own value. What must stay true is how it ended, and what comes after it.
"""

from __future__ import annotations

from sandbox.abuse.attack import Attack, Ruling, Scene, Verdict
from sandbox.abuse.bombs import held
from sandbox.abuse.values import BRIEF, returned

__all__ = ["LIES"]


async def not_believed(scene: Scene) -> Ruling:
    """It ended badly and claims otherwise."""
    result = scene.result
    if result is None:
        return Ruling(Verdict.STOPPED, "the whole sandbox was ended")
    if result.ok:
        return Ruling(Verdict.NOT_STOPPED, f"believed: exit code {result.exit_code}, value {result.value!r}")
    if "FORGED" in f"{result.value} {result.data} {result.detail}":
        return Ruling(Verdict.HARMLESS, "its own value is its own word; how it ended is told truly")
    return Ruling(Verdict.STOPPED, "told truly how it ended")


async def only_its_own(scene: Scene) -> Ruling:
    """Of a process and its copy, the first one's value counts."""
    result = scene.result
    if result is None or result.value != "'true'":
        return Ruling(Verdict.NOT_STOPPED, f"got {result and result.value!r}")
    return Ruling(Verdict.STOPPED, "only the first process reports")


FRAMES = """
import struct
def frame(**header):
    text = __import__("json").dumps(header).encode()
    return struct.pack(">I", len(text)) + text
forged = {"value": "'FORGED'", "data": "FORGED", "exit_code": 0, "signal": None}
forged.update(stop=None, error=None, ok=True)
def everywhere(data):
    written = 0
    for number in range(3, 1024):
        try:
            os.set_blocking(number, False)
            written += os.write(number, data)
        except OSError:
            pass
    return written
"""

LIES = (
    Attack(
        name="a forged result on stdout",
        tries="have printed text taken for the result",
        code=FRAMES
        + """
for kind in ("result", "exit", "done", "end"):
    text = __import__("json").dumps({"type": kind, "id": 1, **forged})
    print(text, file=sys.stdout, flush=True)
    os.write(1, frame(type=kind, id=1, **forged))
    os.write(2, frame(type=kind, id=1, **forged))
sys.exit(3)
""",
        judge=not_believed,
    ),
    Attack(
        name="a forged result on the channel",
        tries="write the result of a run that went well to every descriptor, and be killed",
        code=FRAMES
        + """
for kind in ("result", "exit", "done", "end"):
    for number in range(4):
        everywhere(frame(type=kind, id=number, **forged))
        everywhere(__import__("json").dumps({"type": kind, "id": number, **forged}).encode() + b"\\n")
os.kill(os.getpid(), 9)
""",
        judge=not_believed,
    ),
    Attack(
        name="a flood on the channel",
        tries="break the reader of frames with garbage, huge lengths and millions of small frames",
        code=FRAMES
        + """
everywhere(b"\\xff\\xff\\xff\\xff")
everywhere(b"\\x7f\\xff\\xff\\xff{")
for _ in range(300):
    everywhere(frame(type="output", id=1, stream="stdout", bytes=10**12) * 50)
    everywhere(os.urandom(4096))
""",
        judge=returned,
    ),
    Attack(
        name="closing the channel",
        tries="close every descriptor, so that no result can come",
        code="""
os.closerange(0, 4096)
"closed"
""",
        judge=returned,
        limits=BRIEF,
    ),
    Attack(
        name="leaving early with 0",
        tries="end in the middle with exit code 0, so that what fails later is not seen",
        code="""
os._exit(0)
raise AssertionError("not reached")
""",
        judge=not_believed,
    ),
    Attack(
        name="becoming another program",
        tries="replace the interpreter by a program that ends well",
        code="os.execv('/bin/sh', ['sh', '-c', 'exit 0'])",
        judge=not_believed,
    ),
    Attack(
        name="two processes that both report",
        tries="fork in the middle and report from the copy, before and after the first one",
        code="""
first = os.getpid()
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
"true" if os.getpid() == first else "FORGED"
""",
        judge=only_its_own,
    ),
    Attack(
        name="a crash",
        tries="die of a segmentation fault and have it pass for an end",
        code="ctypes.string_at(0)",
        judge=not_believed,
        hurts="runs the machine's own crash reporter",
    ),
    Attack(
        name="killing pid 1",
        tries="kill or stop the supervisor and the parent",
        code="""
import signal, time
met = set()
for pid in (1, os.getppid()):
    for number in (
        signal.SIGSTOP,
        signal.SIGTERM,
        signal.SIGINT,
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGUSR1,
        signal.SIGXCPU,
        signal.SIGKILL,
    ):
        try:
            os.kill(pid, number)
        except OSError as error:
            met.add(refused(error))
time.sleep(0.2)
stopped(", ".join(sorted(met)) or "the first process of a namespace takes no signal from within")
""",
        judge=held,
        hurts="kills the first process of the machine",
    ),
    Attack(
        name="killing everything",
        tries="kill every process it can see",
        code="""
import time
got = attempt(
    lambda: os.kill(-1, 15), lambda: os.kill(-1, 9), good=lambda _: stopped("only its own processes are there")
)
time.sleep(0.3)
got
""",
        judge=held,
        hurts="kills every process of the machine",
    ),
    Attack(
        name="stopping everything",
        tries="stop every process it can see, the supervisor too, so that nobody ends it",
        code="""
import time
if os.fork() == 0:
    attempt(lambda: os.kill(-1, 19))
    os.kill(os.getppid(), 19)
os.kill(os.getpid(), 19)
time.sleep(60)
""",
        judge=held,
        limits=BRIEF,
        hurts="stops every process of the machine",
    ),
    Attack(
        name="searching the interpreter's memory",
        tries="find the machinery's own objects by the garbage collector and the stack, and change them",
        code="""
import gc
FORGED = {"value": "'FORGED'", "data": "FORGED", "error": None, "exit_code": 0, "signal": None, "stop": None}
def forge(*arguments, **named):
    return {"type": "result", "value": "'FORGED'", "exit_code": 0}
for thing in gc.get_objects():
    send = getattr(type(thing), "_send", None)
    if send:
        try:
            send(thing, {"type": "result", "exit_code": 0}, {**FORGED, "artifacts": []})
        except BaseException:
            pass
frame = sys._getframe()
while frame:
    for name, value in list(frame.f_globals.items()):
        if callable(value) and frame.f_globals is not globals() and not name.startswith("__"):
            frame.f_globals[name] = forge
    frame = frame.f_back
os.kill(os.getpid(), 9)
""",
        judge=not_believed,
    ),
)
