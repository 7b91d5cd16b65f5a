"""Runs inside, beside a trial and not in it: starts one hidden test with canaries, and says whether to believe it.

The judge never imports the repository's code, and other processes can neither read its memory nor its open files. What
it returns travels by the sandbox's own channel.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import random
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["judge"]

KINDS = (
    "assert",
    "assertTrue",
    "assertIn",
    "assertRaises",
    "raise",
    "assertEqual",
    "assertListEqual",
    "assertDictEqual",
)
LONGEST = 65_536
PR_SET_DUMPABLE = 4


def judge(trial: str, test: str, *, runner: str, wall_s: float, cpu_s: float) -> dict[str, Any]:
    """Run one test. `passed` is true only if all canaries ended as they must; else `why` says what happened."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    chance = random.SystemRandom()
    canaries = [canary(kind, chance, fails=fails) for kind in KINDS for fails in (False, True)]
    chance.shuffle(canaries)
    place = chance.randrange(len(canaries) + 1)
    spec = {
        "test": test,
        "runner": runner,
        "root": str(Path.cwd()),
        "path": sys.path,
        "canaries": canaries,
        "place": place,
    }
    said, end = run(trial, spec, wall_s, cpu_s)
    expected = ["passed" if one["a"] == one["b"] else "failed" for one in canaries]
    try:
        report = json.loads(said)
        outcomes, words, changed = report["outcomes"], str(report["words"]), report["changed"]
    except (ValueError, KeyError, TypeError):
        return {"passed": False, "why": f"{end} before the test reported"}
    if outcomes == ["not found"]:
        return {"passed": False, "why": f"not found: {words}"}
    if not isinstance(outcomes, list) or len(outcomes) != len(canaries) + 1:
        return {"passed": False, "why": "a forged report: it does not tell every canary"}
    ended = outcomes.pop(place)
    if ended == "did not run" and "did not run" in outcomes:
        return {"passed": False, "why": f"did not run: {words}"}
    if outcomes != expected:
        return {"passed": False, "why": "a canary ended as it cannot: the runner was changed, or the report is forged"}
    if changed:
        return {"passed": False, "why": f"the runner was changed: {', '.join(map(str, changed))}"}
    return {"passed": ended == "passed", "why": "" if ended == "passed" else f"{ended}: {words}"}


def canary(kind: str, chance: random.Random, *, fails: bool) -> dict[str, Any]:
    """A test that passes exactly if `a` equals `b`. Nothing but the two numbers says which."""
    a = chance.randrange(10**6)
    return {"name": f"test_{chance.getrandbits(64):x}", "kind": kind, "a": a, "b": a + fails * chance.randrange(1, 100)}


def run(trial: str, spec: dict[str, Any], wall_s: float, cpu_s: float) -> tuple[bytes, str]:
    """What a trial wrote into its pipe, and how its process ended, in words."""
    ours, theirs = os.pipe()
    os.set_inheritable(theirs, True)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s) + 1, int(cpu_s) + 2))

    process = subprocess.Popen(
        [sys.executable, "-s", "-B", "-c", trial],
        cwd="/",
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": "/tmp", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[theirs],
        start_new_session=True,
        preexec_fn=limit,
    )
    os.close(theirs)
    with contextlib.suppress(BrokenPipeError), process.stdin:  # type: ignore[union-attr]
        process.stdin.write(json.dumps({**spec, "pipe": theirs}).encode())  # type: ignore[union-attr]
    said, late = listen(process, ours, time.monotonic() + wall_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    os.close(ours)
    return said, f"stopped after {wall_s:g} s" if late else ended(code)


def listen(process: subprocess.Popen[bytes], pipe: int, end: float) -> tuple[bytes, bool]:
    """Read until the process has ended, as what it left behind may hold the pipe open; and whether time ran out."""
    said, gone = b"", False
    while len(said) < LONGEST:
        ready, _, _ = select.select([pipe], [], [], 0.0 if gone else 0.02)
        piece = os.read(pipe, LONGEST) if ready else b""
        said += piece
        if (ready and not piece) or (gone and not ready):
            return said, False
        gone = process.poll() is not None
        if time.monotonic() > end:
            return b"", True
    return said, False


def ended(code: int) -> str:
    if code == -signal.SIGXCPU or code == -signal.SIGKILL:
        return f"killed by {signal.Signals(-code).name} (processor time or memory)"
    return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
