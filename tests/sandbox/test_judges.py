"""Judges that look at a result alone, on results made for them; and which backend is taken when none is named."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import backends
from sandbox.abuse.attack import SMALL, Scene, Verdict, told
from sandbox.abuse.bombs import held
from sandbox.abuse.endless import capped
from sandbox.abuse.lies import not_believed, only_its_own
from sandbox.abuse.outliving import gone
from sandbox.abuse.rights import nobody
from sandbox.abuse.trap import Trap
from sandbox.abuse.values import returned
from sandbox.abuse.watch import Peak
from sandbox.contracts import PythonError, PythonResult, SandboxBroken, SandboxUnavailable, Stop

STOPPED, HARMLESS, OPEN, UNTRIED = Verdict.STOPPED, Verdict.HARMLESS, Verdict.NOT_STOPPED, Verdict.UNTRIED
WORD = {"data": {"verdict": "stopped", "by": "EPERM"}}
WON = {"data": {"verdict": "NOT STOPPED", "by": "all of it"}}
BROKEN = None


def scene(tmp_path, fields: dict[str, Any] | None, peak: Peak) -> Scene:
    whole = {"exit_code": 0, "stdout": "", "stderr": "", "wall_s": 1.0}
    result = None if fields is None else PythonResult(**whole | fields)
    failure = SandboxBroken("it is gone") if fields is None else None
    return Scene(None, Trap("aknobody00", "canary", tmp_path), SMALL, result, failure, peak)  # type: ignore[arg-type]


def error(kind: str) -> dict[str, Any]:
    return {"error": PythonError(kind, "", ""), "exit_code": 1}


@pytest.mark.parametrize(
    ("judge", "fields", "peak", "verdict", "by"),
    [
        (told, WORD, Peak(), STOPPED, "EPERM"),
        (told, WON, Peak(), OPEN, "all of it"),
        (told, {"signal": 31, "exit_code": None}, Peak(), STOPPED, "SIGSYS"),
        (told, {"stop": Stop.MEMORY, "exit_code": None}, Peak(), UNTRIED, "memory"),
        (told, error("KeyError"), Peak(), UNTRIED, "KeyError"),
        (told, {"data": {"by": "EPERM"}}, Peak(), UNTRIED, "did not say"),
        (told, BROKEN, Peak(), UNTRIED, "it is gone"),
        (held, {"stop": Stop.MEMORY}, Peak(), STOPPED, "limit: memory"),
        (held, {"stop": Stop.MEMORY}, Peak(memory_bytes=int(1.4 * SMALL.memory_bytes)), OPEN, "held 268 MiB of 192"),
        (held, {"stop": Stop.MEMORY}, Peak(memory_bytes=int(1.2 * SMALL.memory_bytes)), STOPPED, "limit: memory"),
        (held, WORD, Peak(processes=SMALL.processes), STOPPED, "EPERM"),
        (held, WORD, Peak(processes=SMALL.processes + 1), OPEN, "33 processes"),
        (held, WORD, Peak(threads=SMALL.processes + 1), OPEN, "33 threads"),
        (held, {"stop": Stop.WALL_TIME, "wall_s": SMALL.wall_s + 4}, Peak(), STOPPED, "wall_time"),
        (held, {"stop": Stop.WALL_TIME, "wall_s": SMALL.wall_s + 6}, Peak(), OPEN, "ran for 16 s of 10"),
        (held, {"signal": 9, "exit_code": None}, Peak(), STOPPED, "signal 9"),
        (held, error("MemoryError"), Peak(), STOPPED, "MemoryError"),
        (held, error("KeyError"), Peak(), UNTRIED, "KeyError"),
        (held, WON, Peak(), OPEN, "all of it"),
        (held, BROKEN, Peak(), STOPPED, "whole sandbox"),
        (capped, {"stop": Stop.OUTPUT, "stdout": "x" * SMALL.output_bytes}, Peak(), STOPPED, "most of it kept"),
        (capped, {"stop": Stop.OUTPUT, "stdout": "x" * SMALL.output_bytes, "stderr": "x"}, Peak(), OPEN, "262145"),
        (capped, {"stop": Stop.OUTPUT, "stdout": "\ufffd" * SMALL.output_bytes}, Peak(), STOPPED, "most of it kept"),
        (capped, {"stop": Stop.OUTPUT, "stdout": "x" * 10}, Peak(), OPEN, "10 of it kept"),
        (capped, {}, Peak(), OPEN, "ended by itself"),
        (capped, {"stop": Stop.WALL_TIME}, Peak(), STOPPED, "wall_time"),
        (not_believed, {"exit_code": 3}, Peak(), STOPPED, "told truly"),
        (not_believed, {"value": "'FORGED'"}, Peak(), OPEN, "believed"),
        (not_believed, {}, Peak(), OPEN, "believed"),
        (not_believed, {"value": "'FORGED'", "exit_code": None, "signal": 9}, Peak(), HARMLESS, "own word"),
        (not_believed, BROKEN, Peak(), STOPPED, "whole sandbox"),
        (only_its_own, {"value": "'true'"}, Peak(), STOPPED, "first process"),
        (only_its_own, {"value": "'FORGED'"}, Peak(), OPEN, "FORGED"),
        (only_its_own, BROKEN, Peak(), OPEN, "None"),
        (returned, {"value": "x" * 10_000}, Peak(), STOPPED, "shortened"),
        (returned, {"value": "x" * 2_000_000}, Peak(), OPEN, "2,000"),
        (returned, {"wall_s": SMALL.wall_s + 6}, Peak(), OPEN, "took 16 s"),
        (returned, {"stop": Stop.WALL_TIME}, Peak(), STOPPED, "wall_time"),
        (gone, {}, Peak(), STOPPED, "killed when the run ended"),
        (gone, {"stop": Stop.WALL_TIME}, Peak(), OPEN, "the run waited"),
        (gone, error("KeyError"), Peak(), UNTRIED, "KeyError"),
        (nobody, WORD, Peak(1), STOPPED, "EPERM"),
        (nobody, WORD, Peak(1, root=True), OPEN, "root"),
        (nobody, WORD, Peak(0), UNTRIED, "nobody saw"),
        (nobody, WON, Peak(1), OPEN, "all of it"),
    ],
)
async def test_a_judge_rules_by_what_it_sees(judge, fields, peak, verdict, by, tmp_path):
    ruling = await judge(scene(tmp_path, fields, peak))
    assert ruling.verdict is verdict, ruling
    assert by in ruling.by


def probing(monkeypatch, **reasons: str) -> None:
    monkeypatch.setattr(backends, "probe", lambda name: reasons.get(name, ""))


def test_the_strongest_that_runs_is_taken_and_never_process(monkeypatch):
    probing(monkeypatch)
    assert backends.load_sandbox().name == "bubblewrap"
    probing(monkeypatch, bubblewrap="no bwrap")
    assert backends.load_sandbox().name == "container"
    probing(monkeypatch, bubblewrap="no bwrap", container="no engine")
    with pytest.raises(SandboxUnavailable, match=r"(?s)bubblewrap: no bwrap.*container: no engine"):
        backends.load_sandbox(unsafe=True)


def test_process_has_to_be_meant():
    with pytest.raises(SandboxUnavailable, match="unsafe"):
        backends.load_sandbox("process")
    assert backends.load_sandbox("process", unsafe=True).isolation == "none"


@pytest.mark.parametrize("name", ["bwrap", "no_such_module:Box"])
def test_a_name_that_is_no_backend_says_what_there_is(name):
    with pytest.raises(ValueError, match="no sandbox"):
        backends.load_sandbox(name)


def test_prune_asks_every_backend(monkeypatch):
    import sandbox.bubblewrap
    import sandbox.container
    import sandbox.process

    modules = (sandbox.bubblewrap, sandbox.container, sandbox.process)
    for module in modules:
        monkeypatch.setattr(module, "prune", lambda name=module.__name__: [name])
    assert backends.prune() == [module.__name__ for module in modules]
