"""A repository at a commit, cut to what was known then: its past, and nothing of its future.

What goes into a sandbox is a `.git` folder of its own, made on this machine from the folder or bundle that the user
named. Only objects that the base commit reaches are in it: not the fix, not the hidden tests, no other branch. It has
the last commits only, as a long past is large and of little use.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from environments.contracts import EnvironmentFailure
from sandbox import MissingDependencyError
from sandbox.contracts import Session

__all__ = ["GIT_ENV", "Checkout", "cut", "lay"]

HISTORY = 50
"""Commits of the past that the agent can see."""
MOMENT = "2026-01-15T12:00:00+0000"
GIT_ENV: Mapping[str, str] = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    # Equal commits get equal names, whenever they are made.
    "GIT_AUTHOR_DATE": MOMENT,
    "GIT_COMMITTER_DATE": MOMENT,
}
"""For git inside: nobody's settings, no questions, and a clock that stands."""

CONFIG = b"""[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
[user]
\tname = agent
\temail = agent@example.invalid
"""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A commit, and the files of a `.git` that holds it."""

    commit: str
    """Its full name."""
    files: Mapping[str, bytes] = field(repr=False)
    """Path below the work folder -> contents."""


async def cut(source: Path, commit: str) -> Checkout:
    """The `.git` of `commit` and its past, from a repository's folder or a bundle. Neither is written to.

    Raises:
        EnvironmentFailure: it is no repository, or has no such commit.
        MissingDependencyError: this machine has no git.
    """
    with tempfile.TemporaryDirectory(prefix="agentkit-repo-") as name:
        folder = Path(name)
        # A folder of another user is read, too: the user named it, and reading runs nothing of it.
        (folder / "config").write_text("[safe]\n\tdirectory = *\n")
        shared = [] if source.is_file() else ["--shared"]
        await _git(folder, "clone", "--quiet", "--bare", "--template=", *shared, str(source), "whole")
        await _git(folder, "-C", "whole", "update-ref", "refs/heads/main", f"{commit}^{{commit}}")
        past = ["--depth", str(HISTORY), "--single-branch", "--branch", "main", "--no-tags"]
        await _git(folder, "clone", "--quiet", "--bare", "--template=", *past, f"file://{folder}/whole", "base")
        full = await _git(folder, "-C", "base", "rev-parse", "refs/heads/main")
        return Checkout(full.strip(), _files(folder / "base", commit=full.strip()))


def _files(base: Path, *, commit: str) -> dict[str, bytes]:
    """The packs and the edge of the past as they are; the rest is written anew, so that it names no folder of ours."""
    kept = [path for path in sorted(base.glob("objects/pack/*")) if path.suffix in (".idx", ".pack")]
    kept += [path for path in (base / "shallow",) if path.exists()]
    files = {f".git/{path.relative_to(base).as_posix()}": path.read_bytes() for path in kept}
    return files | {
        ".git/HEAD": b"ref: refs/heads/main\n",
        ".git/config": CONFIG,
        ".git/refs/heads/main": f"{commit}\n".encode(),
    }


async def _git(folder: Path, *arguments: str) -> str:
    env = {**GIT_ENV, "PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C"}
    env["GIT_CONFIG_GLOBAL"] = str(folder / "config")
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            "git", *arguments, cwd=folder, env=env, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
    except FileNotFoundError as error:
        raise MissingDependencyError("the repo suite needs git on this machine; `apt-get install git`") from error
    try:
        out, err = await process.communicate()
    except BaseException:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode:
        said = err.decode(errors="replace").strip().replace(str(folder), "…")
        raise EnvironmentFailure(f"git {' '.join(arguments[:2])} failed: {said}; is it a repository with that commit?")
    return out.decode()


async def lay(session: Session, checkout: Checkout) -> None:
    """Lay the commit out in an empty work folder.

    Raises:
        EnvironmentFailure: the sandbox has no git, or no room.
    """
    for path, data in checkout.files.items():
        await session.write(path, data)
    result = await session.run(["git", "reset", "--quiet", "--hard", checkout.commit], env=GIT_ENV)
    if result.ok:
        return
    if (await session.run(["git", "--version"])).ok:
        raise EnvironmentFailure(f"the repository could not be laid out: {result.detail or result.stderr.strip()}")
    raise EnvironmentFailure(
        f"the sandbox {session.sandbox.name!r} has no git inside; `apt-get install git` for bubblewrap, "
        "or an image with git for a container"
    )
