"""Attacks on the end: processes and files that are still there when the run, the session or the host is gone.

The host looks for the attack's mark among all processes of the machine once the run has returned, and again once the
session is closed; a survivor is found whatever the code says.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from sandbox.abuse.attack import Attack, Ruling, Scene, Verdict
from sandbox.abuse.bombs import held
from sandbox.abuse.endless import BRIEF
from sandbox.abuse.watch import marked, wait_until_gone

__all__ = ["OUTLIVING"]

BUSY_S = 0.1
"""Of one second; a busy loop has more, even where many share the processor."""
AT_ONCE_S = 0.3
"""A killed process may still be in the table for a moment."""


async def gone(scene: Scene) -> Ruling:
    """When the run has returned, none of its processes lives, and it did not wait for them."""
    result = scene.result
    left = await wait_until_gone(scene.trap.mark, within_s=AT_ONCE_S)
    if left:
        return Ruling(Verdict.NOT_STOPPED, f"{len(left)} still there after the run")
    if result is None:
        return Ruling(Verdict.STOPPED, "the whole sandbox was ended")
    if result.stop is not None:
        return Ruling(Verdict.NOT_STOPPED, f"the run waited for it, until {result.stop.value}")
    if not result.ok:
        return Ruling(Verdict.UNTRIED, f"{result.error or result.exit_code} {result.stderr[-300:]}")
    return Ruling(Verdict.STOPPED, "killed when the run ended")


async def gone_at_last(scene: Scene) -> Ruling:
    """The run had to be stopped, and then nothing of it lives."""
    left = await wait_until_gone(scene.trap.mark, within_s=AT_ONCE_S)
    if left:
        return Ruling(Verdict.NOT_STOPPED, f"{len(left)} still there after the run")
    return await held(scene)


async def quiet(scene: Scene) -> Ruling:
    """What a thread of the session's own interpreter prints or writes later is not in another run's result."""
    later = await scene.session.python("import time\ntime.sleep(0.4)\n6 * 7")
    if "LATE" in later.stdout + later.stderr + f"{later.value}":
        return Ruling(Verdict.NOT_STOPPED, "it prints into the next run")
    if later.value != "42":
        return Ruling(Verdict.NOT_STOPPED, f"the next run gave {later.value!r}")
    return Ruling(Verdict.HARMLESS, "a thread of the session's interpreter ends with it")


async def idle(scene: Scene) -> Ruling:
    """Between two runs, no process of the session works: the host reads how much processor time each has had."""
    before = sum(map(worked_s, marked(scene.trap.mark)))
    await asyncio.sleep(1.0)
    used = sum(map(worked_s, marked(scene.trap.mark))) - before
    if used > BUSY_S:
        return Ruling(Verdict.NOT_STOPPED, "it works on between the runs, where no limit counts")
    return Ruling(Verdict.STOPPED, "held still between the runs")


def worked_s(pid: int) -> float:
    """Seconds that a process has worked so far; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


DAEMON = """
import subprocess, time
def daemon(prepare="", **how):
    code = f"import os, signal, time\\n{prepare}\\ntime.sleep(300)"
    return subprocess.Popen([sys.executable, "-I", "-S", "-c", code, MARK], **how)
"""

OUTLIVING = (
    Attack(
        name="a daemon",
        tries="live on after the run: fork twice, leave the session and the process group",
        code=DAEMON
        + """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        daemon(
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
    os._exit(0)
os.wait()
time.sleep(0.3)
"started"
""",
        judge=gone,
    ),
    Attack(
        name="a daemon that keeps the output open",
        tries="have the run wait for ever, because somebody still holds its stdout",
        code=DAEMON
        + """
daemon(start_new_session=True)
time.sleep(0.2)
"started"
""",
        judge=gone,
    ),
    Attack(
        name="a daemon by nohup and setsid",
        tries="live on after the run, started from a shell",
        code="""
import subprocess, time
sleeper = f"sh -c 'sleep 300; : {MARK}'"
line = f"nohup setsid {sleeper} > /dev/null 2>&1 & disown 2> /dev/null; ({sleeper} &)"
subprocess.run(["sh", "-c", line], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
time.sleep(0.2)
"started"
""",
        judge=gone,
    ),
    Attack(
        name="a daemon that ignores signals",
        tries="live on after the run, deaf to every signal and without a death wish of its own",
        code=DAEMON
        + """
deaf = [
    "import ctypes",
    "for number in range(1, 64):",
    "    try: signal.signal(number, signal.SIG_IGN)",
    "    except (OSError, ValueError): pass",
    "ctypes.CDLL(None).prctl(1, 0)",
]
daemon("\\n".join(deaf), start_new_session=True)
time.sleep(0.4)
"started"
""",
        judge=gone,
    ),
    Attack(
        name="a daemon that is stopped",
        tries="live on after the run, stopped, so that a mild signal does not reach it",
        code=DAEMON
        + """
import signal
child = daemon(start_new_session=True)
time.sleep(0.1)
child.send_signal(signal.SIGSTOP)
"started"
""",
        judge=gone,
    ),
    Attack(
        name="a daemon that adopts others",
        tries="live on after the run in a tree whose root adopts every orphan",
        code=DAEMON
        + """
adopt = "import ctypes\\nctypes.CDLL(None).prctl(36, 1)\\nif os.fork() == 0:\\n    os.setsid()\\n    os.fork()"
daemon(adopt, start_new_session=True)
time.sleep(0.3)
"started"
""",
        judge=gone,
    ),
    Attack(
        name="a daemon that keeps moving",
        tries="live on by forking and dying faster than anybody can list it",
        code="""
import time
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        while True:
            try:
                if os.fork():
                    os._exit(0)
            except OSError:
                pass
time.sleep(0.3)
"started"
""",
        judge=gone,
        hurts="could not be caught where no namespace or cgroup holds it",
    ),
    Attack(
        name="a daemon after a time-out",
        tries="live on in children when the run itself is stopped at its time",
        code=DAEMON
        + """
daemon(start_new_session=True)
if os.fork() == 0:
    os.setsid()
time.sleep(300)
""",
        judge=gone_at_last,
        limits=BRIEF,
    ),
    Attack(
        name="a thread that goes on",
        tries="work on in the session's interpreter after the run, and speak in later runs",
        code="""
import threading, time
def speak():
    while True:
        time.sleep(0.05)
        print("LATE", flush=True)
        os.write(1, b"LATE")
        os.write(2, b"LATE")
threading.Thread(target=speak, daemon=True).start()
"started"
""",
        judge=quiet,
        stateful=True,
    ),
    Attack(
        name="work between runs",
        tries="use the processor for ever in the session's interpreter, where no run's limit counts it",
        code="""
import threading
def spin():
    while True:
        pass
for _ in range(2):
    threading.Thread(target=spin, daemon=True).start()
"started"
""",
        judge=idle,
        stateful=True,
    ),
    Attack(
        name="jobs for later",
        tries="have the machine start something later: cron, at, systemd, a login script",
        code="""
places = [
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/var/spool/cron/crontabs",
    "/var/spool/cron/atjobs",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/etc/profile.d",
    "/etc/ld.so.conf.d",
    "/etc/init.d",
    "/usr/local/bin",
    "/lib/systemd/system",
]
def put(folder):
    path = f"{folder}/{MARK}"
    with open(path, "w") as file:
        file.write("# nothing\\n")
    os.unlink(path)
    return path
attempt(
    *(lambda f=f: put(f) for f in places),
    lambda: open("/etc/ld.so.preload", "a"),
    lambda: open("/etc/crontab", "r+"),
)
""",
        hurts="needs the rights of root, which differ by machine",
    ),
    Attack(
        name="files left on the host",
        tries="leave a file outside of the work folder that is there when the session is closed",
        code="""
import glob
def leave(folder):
    path = f"{folder}/left{MARK}"
    with open(path, "w") as file:
        file.write("left")
    return folder
places = [
    "/var/tmp",
    "/dev/shm",
    "/run",
    "/var",
    "/home",
    "/mnt",
    "/opt",
    "/srv",
    "/",
    "/etc",
    "/usr",
    "/tmp",
    os.path.dirname(TRAP["secret"]),
]
written = []
for place in places:
    try:
        written.append(leave(place))
    except OSError:
        pass
# Whether any of these is the host's, the host sees for itself.
stopped("what it may write is its own, and goes with the session") if written else stopped("nothing may be written")
""",
        hurts="leaves files all over the machine",
    ),
)
