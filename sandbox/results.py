"""How a run ended, made of what the sandbox says of it and checked: it may be anything."""

from __future__ import annotations

import json
import math
from typing import Any

from sandbox.channel import Header
from sandbox.contracts import JSON, Artifact, Limits, PythonError, PythonResult, Result, Stop
from sandbox.inside.frames import Broken

__all__ = ["command_result", "load_json", "python_result"]

VALUE_CHARACTERS = 10_000
ARTIFACTS = 1000
HOW_TO_RAISE = {
    Stop.WALL_TIME: "stopped after {wall_s:g} s of wall-clock time; raise wall_s, or Limits.wall_s above it",
    Stop.CPU_TIME: "stopped after {0.cpu_s:g} s of processor time; raise Limits.cpu_s",
    Stop.MEMORY: "stopped for using more than {0.memory_bytes} bytes of memory; raise Limits.memory_bytes",
    Stop.OUTPUT: "stopped for printing more than {0.output_bytes} bytes; raise Limits.output_bytes",
    Stop.FILES: "stopped for writing more than {0.file_bytes} bytes or {0.files} files; raise Limits.file_bytes or "
    "Limits.files",
    Stop.KILLED: "killed by Session.kill",
}


def command_result(
    header: Header,
    *,
    stdout: str,
    stderr: str,
    limits: Limits,
    wall_s: float,
    took_s: float,
    killed: Stop | None = None,
) -> Result:
    """How a command ended, by what the sandbox says of it, and by why something of it was `killed` from outside.

    Raises:
        Broken: it says nonsense.
    """
    try:
        stop = Stop(header["stop"]) if header.get("stop") else None
    except ValueError:
        raise Broken(f"a run stopped by {header['stop']!r:.40}") from None
    exit_code, signal = (_number(header.get(name), most=255) for name in ("exit_code", "signal"))
    # Too many files are too many even where the program was done before anyone could stop it.
    ended_well = stop is None and exit_code == 0 and killed is not Stop.FILES
    if killed is not None and (stop is Stop.KILLED or stop is None) and not ended_well:
        stop = killed
    cpu_s = header.get("cpu_s")
    if not isinstance(cpu_s, int | float) or not math.isfinite(cpu_s):
        cpu_s = None
    return Result(
        exit_code=None if stop else exit_code,
        signal=signal,
        stdout=stdout,
        stderr=stderr,
        stop=stop,
        detail=HOW_TO_RAISE[stop].format(limits, wall_s=wall_s) if stop else "",
        wall_s=took_s,
        cpu_s=cpu_s,
    )


def python_result(ending: Result, payload: bytes, *, stateful: bool, alive: bool, lost_before: bool) -> PythonResult:
    """How a snippet ended: the process by the supervisor's word, value and exception by the snippet's own.

    Raises:
        Broken: the answer is nonsense.
    """
    answer = _checked_answer(payload) if payload else None
    exit_code, error = ending.exit_code, None
    if answer is not None:
        error = answer["error"]
        if stateful and alive and ending.stop is None:
            exit_code = answer["exit_code"]
    elif ending.stop is None and ending.signal is None:
        message = f"the process ended with exit code {exit_code} before the code did: os._exit, or a closed descriptor"
        error = PythonError("NoResult", message, "")
    return PythonResult(
        exit_code=exit_code,
        signal=ending.signal,
        stdout=ending.stdout,
        stderr=ending.stderr,
        stop=ending.stop,
        detail=ending.detail,
        wall_s=ending.wall_s,
        cpu_s=ending.cpu_s,
        value=answer["value"] if answer else None,
        data=answer["data"] if answer else None,
        error=error,
        artifacts=answer["artifacts"] if answer else (),
        state_lost=stateful and (lost_before or not alive),
    )


def _checked_answer(payload: bytes) -> dict[str, Any]:
    answer = load_json(payload)
    try:
        error, value = answer["error"], answer["value"]
        if error is not None:
            error = PythonError(*(_text(error[name]) for name in ("type", "message", "traceback")))
        shown = answer["artifacts"]
        return {
            "value": None if value is None else _text(value)[:VALUE_CHARACTERS],
            "data": answer["data"],
            "error": error,
            "exit_code": _number(answer["exit_code"], most=255),
            "artifacts": tuple(
                Artifact(_text(one["name"]), _text(one["media_type"]), _number(one["size"], most=2**63) or 0)
                for one in shown[:ARTIFACTS]
            ),
        }
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise Broken(f"a result that is none: {error!r}") from None


def load_json(payload: bytes) -> JSON:
    """What the JSON says.

    Raises:
        Broken: it is none, or has NaN or infinity.
    """

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(payload, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Broken(f"what is no JSON: {error}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} where text is expected")
    return value


def _number(value: Any, *, most: int) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= most:
        raise Broken(f"{value!r:.40} where a number is expected")
    return value
