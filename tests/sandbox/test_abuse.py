"""The attacks on every backend that runs here: what is known to be stopped is stopped, and the documentation says so.

Also that judges and tripwires see an attack that works, which a suite full of `stopped` does not show.
"""

from __future__ import annotations

import ast
import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.abuse.attack import SMALL, Attack, Ruling, Verdict, told
from sandbox.abuse.gaps import KNOWN_GAPS
from sandbox.abuse.prelude import call as system_call
from sandbox.abuse.suite import ATTACKS, Abuse, Outcome, run_abuse
from sandbox.abuse.table import BEGIN, END, machine, markdown_table, surprises, with_table
from sandbox.abuse.traces import left_over, look
from sandbox.abuse.trap import lay_trap
from sandbox.abuse.watch import Watch, marked
from sandbox.backends import BACKENDS
from sandbox.contracts import Session
from tests.sandbox.backends import BACKENDS_HERE, open_sandbox
from tests.sandbox.weak import WEAKNESSES, Weak

DOCUMENT = "docs/sandbox.md"

ran: dict[str, Abuse] = {}


@pytest.fixture(params=BACKENDS_HERE)
def backend(request) -> str:
    """A backend whose suite has run, once for all tests."""
    if request.param not in ran:

        async def attack() -> Abuse:
            sandbox = open_sandbox(request.param)
            try:
                return await run_abuse(sandbox)
            finally:
                await sandbox.close()

        ran[request.param] = asyncio.run(attack())
    return request.param


@pytest.mark.timeout(900)
def test_attacks_go_as_they_are_known_to_go_and_leave_nothing(backend):
    assert surprises(backend, ran[backend]) == []


@pytest.mark.timeout(900)
def test_the_documented_table_is_true(backend, root):
    text = (root / DOCUMENT).read_text()
    table = [line for line in text.partition(BEGIN)[2].partition(END)[0].splitlines() if line.startswith("| ")]
    columns = cells(table[0])
    documented = {row[0]: row[columns.index(backend)] for row in map(cells, table[2:])}
    seen = {row[0]: row[2] for row in map(cells, markdown_table({backend: ran[backend]}).splitlines()[2:])}
    if machine() not in text:  # What stopped an attack depends on the machine; that it was stopped does not.
        documented, seen = ({name: cell.partition(":")[0] for name, cell in all.items()} for all in (documented, seen))
    assert seen == documented


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split(" | ")]


@pytest.mark.timeout(900)
def test_every_secret_could_be_planted(backend):
    assert ran[backend].unplanted == ()


def test_the_suite_is_large_and_each_attack_is_told_apart():
    names = [attack.name for attack in ATTACKS]
    assert len(names) == len(set(names)) >= 150
    assert all(attack.tries and attack.code for attack in ATTACKS)


def test_the_code_of_every_attack_is_python_that_says_how_it_went():
    for attack in ATTACKS:
        tree = ast.parse(attack.code)
        if attack.judge is told:
            assert isinstance(tree.body[-1], ast.Expr), attack.name


def test_gaps_name_attacks_and_have_reasons():
    names = {attack.name for attack in ATTACKS}
    assert set(KNOWN_GAPS) == set(BACKENDS)
    assert [gap for gaps in KNOWN_GAPS.values() for gap in gaps if gap not in names] == []
    assert all(reason for gaps in KNOWN_GAPS.values() for reason in gaps.values())


async def attacked(sandbox, *attacks: Attack) -> list[Outcome]:
    return list((await run_abuse(sandbox, attacks=attacks)).outcomes)


@pytest.mark.parametrize(
    ("name", "weakness"), [(attack, weakness) for weakness in WEAKNESSES for attack in weakness.helps]
)
async def test_an_attack_that_works_is_seen(name, weakness):
    attack = next(attack for attack in ATTACKS if attack.name == name)
    (outcome,) = await attacked(Weak(open_sandbox("process"), weakness), attack)
    assert outcome.verdict is Verdict.NOT_STOPPED, outcome
    assert name not in KNOWN_GAPS["process"], "it works without the weakness too, so this shows nothing"


DONE = Attack(name="own", tries="nothing", code="stopped('by nothing')")


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("print(open(TRAP['open_secret']).read())\nstopped('a lie')", "the secret came out"),
        (
            "open(TRAP['open_secret']).read()[::-1]\nraise ValueError(open(TRAP['open_secret']).read())",
            "the secret came out",
        ),
        ("import sys\nprint(open(TRAP['secret']).read(), file=sys.stderr)\nstopped('a lie')", "the secret came out"),
        ("open(TRAP['open_secret'], 'a').write('x')\nstopped('a lie')", "open-secret changed"),
        ("open(os.path.dirname(TRAP['secret']) + '/new', 'w').close()\nstopped('a lie')", "files of the trap changed"),
        (
            "import socket\nsocket.create_connection(('127.0.0.1', TRAP['port'])).recv(9)\nstopped('a lie')",
            "port was reached",
        ),
        ("import time\nos.kill(TRAP['victim'], 9)\ntime.sleep(0.2)\nstopped('a lie')", "a process of the host changed"),
        ("won('it')", "it"),
        ("'no word'", "did not say"),
        ("1 / 0", "ZeroDivisionError"),
        ("import time\ntime.sleep(60)", "stopped at wall_time"),
    ],
)
async def test_tripwires_see_more_than_the_attack_tells(code, seen):
    attack = replace(DONE, code=code, limits=replace(SMALL, wall_s=2))
    (outcome,) = await attacked(open_sandbox("process"), attack)
    untried = seen in ("did not say", "ZeroDivisionError", "stopped at wall_time")
    assert outcome.verdict is (Verdict.UNTRIED if untried else Verdict.NOT_STOPPED)
    assert seen in outcome.by


async def test_a_survivor_is_seen():
    started: list[subprocess.Popen[bytes]] = []

    async def judge(scene) -> Ruling:
        started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", scene.trap.mark]))
        return Ruling(Verdict.STOPPED, "a lie")

    try:
        (outcome,) = await attacked(open_sandbox("process"), replace(DONE, judge=judge))
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert outcome.verdict is Verdict.NOT_STOPPED
    assert "outlived the session" in outcome.by


async def test_a_next_run_that_lies_is_seen():
    async def judge(scene) -> Ruling:
        session: Session = scene.session
        await session.write("sitecustomize.py", "")
        scene.session.python = scene.session.run = wrong  # type: ignore[method-assign]
        return Ruling(Verdict.STOPPED, "a lie")

    async def wrong(*arguments, **named):
        from sandbox.contracts import PythonResult

        return PythonResult(exit_code=0, stdout="41\n", stderr="", wall_s=1, value="41")

    (outcome,) = await attacked(open_sandbox("process"), replace(DONE, judge=judge))
    assert outcome.verdict is Verdict.NOT_STOPPED
    assert "the next run gave" in outcome.by


async def test_what_would_hurt_is_not_run_where_nothing_isolates(tmp_path):
    attack = replace(DONE, code=f"open({str(tmp_path / 'ran')!r}, 'w').close()\nwon('it')", hurts="the machine")
    (outcome,) = await attacked(open_sandbox("process"), attack)
    assert (outcome.verdict, outcome.by) == (Verdict.NOT_RUN, "the machine")
    assert not (tmp_path / "ran").exists()


async def test_what_is_left_is_found(tmp_path):
    async with lay_trap() as trap:
        before = look([trap.mark])
        assert await left_over(before, [trap.mark], within_s=0.1) == {}
        process = subprocess.Popen(["sleep", "60"])
        file = Path("/tmp", f"x{trap.mark}")
        file.touch()
        reader, writer = os.pipe()
        key = system_call("add_key", b"user", f"left-{trap.mark}".encode(), b"x", 1, -3)
        try:
            left = await left_over(before, [trap.mark], within_s=0.1)
        finally:
            process.kill()
            process.wait()
            file.unlink()
            os.close(reader)
            os.close(writer)
            system_call("keyctl", 9, key, -3)
        assert set(left) == {"processes", "files", "descriptors", "keys"}
        assert left["processes"] == {f"{process.pid} sleep"}
        assert left["files"] == {str(file)}
        assert await left_over(before, [trap.mark], within_s=5) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount and to make control groups")
async def test_mounts_and_control_groups_that_are_left_are_found(tmp_path):
    groups = next(
        (path for path in map(Path, ("/sys/fs/cgroup/pids", "/sys/fs/cgroup")) if os.access(path, os.W_OK)), None
    )
    if groups is None:
        pytest.skip("control groups cannot be written here; run on the machine itself as root")
    before = look(["none"])
    group = groups / f"agentkit-test-{os.getpid()}"
    subprocess.run(["mount", "-t", "tmpfs", "left", str(tmp_path)], check=True)
    group.mkdir()
    try:
        left = await left_over(before, ["none"], within_s=0.1)
    finally:
        group.rmdir()
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert left == {"mounts": {f"tmpfs at {tmp_path}"}, "control groups": {str(group)}}


def test_processes_of_a_mark_are_counted_with_what_they_hold():
    hold = "import os, threading, time\nx = b'x' * (30 << 20)\n"
    wait = "pid = os.fork()\ntime.sleep(2)\nif pid: os.wait()"
    code = f"{hold}threading.Thread(target=time.sleep, args=(2,)).start()\n{wait}"
    mark = "aktest0123"
    with Watch(mark) as watch, subprocess.Popen([sys.executable, "-c", code, mark]) as process:
        process.wait()
    assert watch.peak.processes == 2
    assert watch.peak.threads == 3
    # The fork shares its pages, which count once.
    assert 30 << 20 < watch.peak.memory_bytes < 55 << 20
    assert watch.peak.root is (os.geteuid() == 0)
    assert marked(mark) == []


def suite(**verdicts: Verdict) -> Abuse:
    outcomes = tuple(Outcome(name, "box", verdict, "by | <x>\ny") for name, verdict in verdicts.items())
    return Abuse(outcomes, {}, ())


def test_surprises_are_holes_untried_attacks_closed_gaps_and_leftovers():
    seen = suite(new=Verdict.NOT_STOPPED, gap=Verdict.NOT_STOPPED, closed=Verdict.STOPPED, none=Verdict.UNTRIED)
    found = surprises("box", replace(seen, left={"keys": frozenset({"a"})}), gaps={"gap": "known", "closed": "known"})
    assert len(found) == 4
    assert "does not stop 'new'" in found[0]
    assert "'closed' is a known gap, and was stopped" in found[1]
    assert "'none' could not be tried" in found[2]
    assert found[3] == "box left keys: a"
    assert surprises("box", suite(gap=Verdict.NOT_STOPPED, fine=Verdict.HARMLESS), gaps={"gap": "known"}) == []


def test_the_table_has_a_row_for_each_attack_and_breaks_no_cell():
    name = ATTACKS[0].name
    table = markdown_table({"box": suite(**{name: Verdict.STOPPED}), "other": suite(**{name: Verdict.NOT_STOPPED})})
    assert table.splitlines()[0] == "| attack | tries to | box | other |"
    assert table.splitlines()[2] == (
        f"| {name} | {ATTACKS[0].tries} | stopped: by \\| &lt;x> y | NOT STOPPED: by \\| &lt;x> y |"
    )
    assert len(table.splitlines()) == 3


def test_only_what_is_between_the_marks_is_replaced():
    document = with_table("head\n", "| one |")
    assert document == f"head\n{BEGIN}\n\n| one |\n\n{END}\n"
    assert with_table(document + "tail\n", "| two |") == f"head\n{BEGIN}\n\n| two |\n\n{END}\ntail\n"
