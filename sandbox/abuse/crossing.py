"""The judges of what crosses the border: they read, write, list and copy as an innocent host does."""

from __future__ import annotations

import asyncio
import json
import tarfile
import zipfile
from collections.abc import Sequence
from io import BytesIO

from sandbox.abuse.attack import Judge, Ruling, Scene, Verdict
from sandbox.contracts import MIB, FileRefused, PythonResult, SandboxError, Session

__all__ = [
    "artifacts",
    "copied",
    "distinct",
    "growing",
    "hostile_paths",
    "listed",
    "reads",
    "swapped",
    "unopened",
    "writes",
]

PATIENCE_S = 15.0
"""For one call of the host; a call that hangs is an attack that worked."""


def reads(*paths: str) -> Judge:
    """Reading each of these is refused."""

    async def judge(scene: Scene) -> Ruling:
        if not ready(scene):
            return unready(scene)
        for path in paths:
            path = path.format(**scene.trap.facts)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    data = await scene.session.read(path)
            except FileRefused:
                continue
            except TimeoutError:
                return Ruling(Verdict.NOT_STOPPED, f"reading {path!r} hangs")
            stolen = "the secret" if scene.trap.canary.encode() in data else f"{len(data)} bytes"
            return Ruling(Verdict.NOT_STOPPED, f"{stolen} through {path!r}")
        return Ruling(Verdict.STOPPED, "refused (FileRefused)")

    return judge


def writes(*paths: str) -> Judge:
    """Writing each of these is refused or stays within the work folder; the trap's own files tell."""

    async def judge(scene: Scene) -> Ruling:
        if not ready(scene):
            return unready(scene)
        allowed = []
        for path in paths:
            path = path.format(**scene.trap.facts)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await scene.session.write(path, "overwritten", executable=True)
            except FileRefused:
                continue
            except TimeoutError:
                return Ruling(Verdict.NOT_STOPPED, f"writing {path!r} hangs")
            allowed.append(path)
        if changed := scene.trap.disturbed():
            return Ruling(Verdict.NOT_STOPPED, ", ".join(changed))
        mark = scene.trap.mark
        places = [f"/etc/{mark}", f"/tmp/{mark}", f"/{mark}"]
        inside = await scene.session.python(f"import os\n[place for place in {places} if os.path.exists(place)]")
        if inside.data:
            return Ruling(Verdict.NOT_STOPPED, f"written out of the work folder: {inside.data}")
        return Ruling(Verdict.STOPPED, "refused (FileRefused)" + (", or a link replaced" if allowed else ""))

    return judge


def ready(scene: Scene) -> bool:
    return scene.result is not None and scene.result.ok


def unready(scene: Scene) -> Ruling:
    if scene.result is not None and scene.result.stop is not None:
        return Ruling(Verdict.STOPPED, f"limit: {scene.result.stop.value}")
    return Ruling(Verdict.UNTRIED, f"the folder was not prepared: {scene.failure or scene.result}")


async def swapped(scene: Scene) -> Ruling:
    """Read a file again and again while a thread of the session's interpreter swaps it for a link and back."""
    if not ready(scene):
        return unready(scene)
    for _ in range(150):
        try:
            async with asyncio.timeout(PATIENCE_S):
                data = await scene.session.read("turn")
        except FileRefused:
            continue
        except TimeoutError:
            return Ruling(Verdict.NOT_STOPPED, "reading hangs")
        if data != b"innocent":
            return Ruling(Verdict.NOT_STOPPED, f"got {data[:40]!r} in the place of the file")
    return Ruling(Verdict.STOPPED, "never followed")


async def growing(scene: Scene) -> Ruling:
    """Reading ends at its cap, though the file never ends."""
    if not ready(scene):
        return unready(scene)
    for cap in (MIB, 16 * MIB):
        try:
            async with asyncio.timeout(PATIENCE_S):
                data = await scene.session.read("growing", max_bytes=cap)
        except FileRefused:
            continue
        except TimeoutError:
            return Ruling(Verdict.NOT_STOPPED, "reading does not end")
        if len(data) > cap:
            return Ruling(Verdict.NOT_STOPPED, f"{len(data):,} bytes came where {cap:,} were asked for")
    return Ruling(Verdict.STOPPED, "refused, or cut at the cap")


async def listed(scene: Scene) -> Ruling:
    """Listing gives at most 10,000 entries within the folder, as text that can be written as JSON."""
    if not ready(scene):
        return unready(scene)
    try:
        async with asyncio.timeout(PATIENCE_S):
            entries = await scene.session.list()
            text = json.dumps([[entry.path, entry.kind, entry.size] for entry in entries])
            text.encode()
    except FileRefused as error:
        return Ruling(Verdict.STOPPED, f"refused: {error}"[:60])
    except TimeoutError:
        return Ruling(Verdict.NOT_STOPPED, "listing hangs")
    except ValueError as error:
        return Ruling(Verdict.NOT_STOPPED, f"a name that breaks its reader: {error}")
    outside = [entry.path for entry in entries if entry.path.startswith("/") or ".." in entry.path.split("/")]
    if outside or len(entries) > 10_000:
        return Ruling(Verdict.NOT_STOPPED, f"{len(entries)} entries, {outside[:3]}")
    return Ruling(Verdict.STOPPED, "links are not followed, and the list has an end")


async def copied(scene: Scene) -> Ruling:
    """Snapshot, restore and fork come to an end, give the same digest, and touch nothing outside."""
    if not ready(scene):
        return unready(scene)
    session = scene.session
    try:
        async with asyncio.timeout(3 * PATIENCE_S):
            taken = await session.snapshot()
            await session.restore(taken)
            again = await session.snapshot()
            async with await session.fork() as copy:
                alive = await copy.python("6 * 7")
    except FileRefused as error:
        return Ruling(Verdict.STOPPED, "refused (FileRefused)" if str(error) else "refused")
    except TimeoutError:
        return Ruling(Verdict.NOT_STOPPED, "copying does not end")
    if changed := scene.trap.disturbed():
        return Ruling(Verdict.NOT_STOPPED, ", ".join(changed))
    if taken.digest != again.digest or alive.value != "42":
        return Ruling(Verdict.NOT_STOPPED, f"the copy differs, {alive.value!r}")
    return Ruling(Verdict.STOPPED, "copied as it is, within the work folder")


async def distinct(scene: Scene) -> Ruling:
    """Folders that differ in names, contents, kinds or modes alone never have one digest."""
    digests: dict[str, str] = {}
    for number, code in enumerate(ALIKE):
        async with await scene.session.sandbox.open(scene.limits) as session:
            made = await session.python("import os\n" + code)
            if not made.ok:
                return Ruling(Verdict.UNTRIED, f"folder {number}: {made.error}")
            digest = (await session.snapshot()).digest
            if digest in digests:
                return Ruling(Verdict.NOT_STOPPED, f"{digests[digest]!r} and {code!r} have one digest")
            digests[digest] = code
    return Ruling(Verdict.STOPPED, f"{len(ALIKE)} look-alikes have different digests")


async def unopened(scene: Scene) -> Ruling:
    """Archives come as the bytes they are; nobody unpacks them."""
    if not ready(scene):
        return unready(scene)
    zipped, tarred = await scene.session.read("bomb.zip"), await scene.session.read("climb.tar")
    with tarfile.open(fileobj=BytesIO(tarred)) as archive:
        climbs = archive.getnames()[0].startswith("..")
    if not climbs or not zipfile.is_zipfile(BytesIO(zipped)) or len(zipped) > MIB:
        return Ruling(Verdict.NOT_STOPPED, f"{len(zipped)} bytes came")
    return Ruling(Verdict.STOPPED, "files are bytes; nothing is unpacked")


async def artifacts(scene: Scene) -> Ruling:
    """What the code says about its rich output names files of the work folder only, and reading them is checked."""
    result = scene.result
    if not isinstance(result, PythonResult):
        return unready(scene)
    named = [artifact.name for artifact in result.artifacts]
    for name in [*named, *outside_paths(scene)]:
        try:
            async with asyncio.timeout(PATIENCE_S):
                data = await scene.session.read(name)
        except (FileRefused, TimeoutError):
            continue
        if name not in named or scene.trap.canary.encode() in data:
            return Ruling(Verdict.NOT_STOPPED, f"read {name!r}")
    wrong = [name for name in named if name.startswith("/") or ".." in name.split("/")]
    if wrong or len(json.dumps(named)) > 100_000:
        return Ruling(Verdict.NOT_STOPPED, f"{len(named)} artifacts, {wrong[:3]}")
    return Ruling(Verdict.STOPPED, "names outside of the work folder are not taken")


def outside_paths(scene: Scene) -> Sequence[str]:
    return ("../" * 8 + scene.trap.facts["secret"], scene.trap.facts["secret"])


async def hostile_paths(scene: Scene) -> Ruling:
    """Every call that takes a path refuses one that leads out, or is none."""
    bad = [
        *outside_paths(scene),
        "..",
        "a/../../x",
        "/",
        "/etc/passwd",
        "a\0b",
        "x" * 5_000,
        "/work//../etc/passwd",
        "\ud800",
        "",
        ".",
        "a/" * 300,
    ]
    for path in bad:
        for name, answer in await answers(scene.session, path):
            if scene.trap.canary in answer or "root:" in answer:
                return Ruling(Verdict.NOT_STOPPED, f"{name}({path[:40]!r}) led out")
            if answer.startswith("!"):
                return Ruling(Verdict.NOT_STOPPED, f"{name}({path[:40]!r}): {answer[1:]}")
    if changed := scene.trap.disturbed():
        return Ruling(Verdict.NOT_STOPPED, ", ".join(changed))
    return Ruling(Verdict.STOPPED, "refused (FileRefused)")


async def answers(session: Session, path: str) -> list[tuple[str, str]]:
    """What read, write, list and a run in the folder say to a path; an answer that is none begins with `!`."""
    found: list[tuple[str, str]] = []
    for name in ("read", "write", "list", "run"):
        try:
            async with asyncio.timeout(PATIENCE_S):
                if name == "read":
                    found.append((name, (await session.read(path)).decode(errors="replace")))
                elif name == "write":
                    await session.write(path, "overwritten")
                    found.append((name, "!written" if path not in ("a/" * 300,) else ""))
                elif name == "list":
                    found.append((name, str(await session.list(path)) if path not in ("", ".") else ""))
                else:
                    result = await session.run(["pwd"], cwd=path)
                    within = path in ("", ".") or not result.ok
                    found.append((name, "" if within else f"!ran in {result.stdout!r}"))
        except FileRefused:
            found.append((name, ""))
        except TimeoutError:
            found.append((name, "!it hangs"))
        except (SandboxError, ValueError) as error:
            found.append((name, f"!{type(error).__name__}: {error}"))
    return found


ALIKE = (
    "open('a', 'w').write('bc')",
    "open('ab', 'w').write('c')",
    "open('a', 'w').write('b'); open('c', 'w').close()",
    "open('a', 'w').close(); open('bc', 'w').close()",
    "open('a', 'w').close(); open('b', 'w').close(); open('c', 'w').close()",
    "os.symlink('bc', 'a')",
    "os.mkdir('a')",
    "os.mkdir('a'); os.mkdir('a/bc')",
    "os.mkdir('a'); open('a/bc', 'w').close()",
    "open('a\\nbc', 'w').close()",
    "os.symlink('b\\nc', 'a')",
    "open('a', 'w').write('bc'); os.chmod('a', 0o755)",
    "os.mkfifo('a')",
    "open('a', 'w').write('bc\\n')",
    "open('a', 'wb').write(b'bc\\0')",
    "",
)
"""Folders that a careless digest takes for one another."""
