"""Eight agents at once for a while leave nothing; the ten minutes are `tests/benchmarks/soak_sandbox.py` itself."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.benchmarks.soak_sandbox import soak
from tests.sandbox.backends import BACKENDS_HERE, open_sandbox
from tests.sandbox.weak import Weak, Weakness, WeakSession


@pytest.mark.parametrize("name", [one for one in BACKENDS_HERE if one.values != ("process",)])
async def test_nothing_leaks(name, capsys):
    sandbox = open_sandbox(name)
    try:
        wrong = await soak(sandbox, seconds=10, agents=8)
    finally:
        await sandbox.close()
    assert wrong == []
    assert "8 agents for 10 s" in capsys.readouterr().out


async def test_a_leak_is_seen(monkeypatch):
    left: list[Any] = []

    async def forget(self: WeakSession, *arguments: Any, **named: Any) -> Any:
        left.append(subprocess.Popen(["sleep", "60"]))
        return await self.real.run(*arguments, **named)

    monkeypatch.setattr("tests.benchmarks.soak_sandbox.PATIENCE_S", 0.5)
    try:
        wrong = await soak(
            Weak(open_sandbox("process"), Weakness("forgets", methods={"run": forget})), seconds=1, agents=2
        )
    finally:
        for process in left:
            process.kill()
            process.wait()
    assert [words.partition(":")[0] for words in wrong] == ["processes"]
