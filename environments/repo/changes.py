"""What has changed in a work folder since its base commit, asked of git inside the sandbox.

Git works on an index of its own there, so that the agent's index stays as the agent left it, and with the agent's
hooks off. What it says is the agent's word in the end, and no more is needed: a diff is only a proposal, which the
grader applies to a repository of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from environments.repo.checkout import GIT_ENV, Checkout
from sandbox.contracts import MIB, FileRefused, Session

__all__ = ["LARGEST_PATCH", "Patch", "Stock", "diff", "take_stock"]

GIT_S = 30.0
LARGEST_PATCH = 2 * MIB
PATCH = ".git/agentkit.patch"
INDEX = ".git/agentkit.index"

STATUS = """
test -f "$GIT_INDEX_FILE" || cp .git/index "$GIT_INDEX_FILE" || exit
git add --all . && tree=$(git write-tree) && echo "$tree" &&
    git diff-tree -r --no-commit-id --no-renames --name-status "$BASE" "$tree"
"""
DIFF = f"""
git diff-tree -r -p --binary --full-index --no-renames --no-ext-diff --no-textconv --no-color "$BASE" "$TREE" > {PATCH}
"""
OWN_ENV = {
    **GIT_ENV,
    "GIT_INDEX_FILE": INDEX,
    # Of more weight than what the agent wrote into .git/config.
    **{"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": "/dev/null"},
    **{"GIT_CONFIG_KEY_1": "core.fsmonitor", "GIT_CONFIG_VALUE_1": "false"},
}
AS_BINARY = "mkdir -p .git/info && echo '* -diff' > .git/info/attributes"


@dataclass(frozen=True, slots=True)
class Stock:
    """The state of all files that git does not ignore."""

    tree: str
    """Git's name of their contents; equal states have equal ones. Empty where git could not read the folder."""
    changes: str
    """A letter and a path for each file that differs from the base; or why git could not."""


@dataclass(frozen=True, slots=True)
class Patch:
    """The changes since the base commit as a diff, or why there is none to be had."""

    text: str
    problem: str = ""


async def take_stock(session: Session, checkout: Checkout) -> Stock:
    """The present state. A `.git` that the agent broke is laid anew first."""
    env = {**OWN_ENV, "BASE": checkout.commit}
    for again in (False, True):
        if again:
            await _lay_git_anew(session, checkout)
        result = await session.run(STATUS, env=env, wall_s=GIT_S)
        tree, *changes = result.stdout.splitlines() or [""]
        if result.ok and re.fullmatch(r"[0-9a-f]{40,64}", tree):
            return Stock(tree, "\n".join(line.replace("\t", " ") for line in changes))
    return Stock("", f"unknown, as git failed: {result.detail or result.stderr.strip()}")


async def _lay_git_anew(session: Session, checkout: Checkout) -> None:
    await session.run("chmod -R u+rwx .git; rm -rf .git")
    try:
        for path, data in checkout.files.items():
            await session.write(path, data)
    except FileRefused:
        return
    await session.run(["git", "read-tree", checkout.commit], env=GIT_ENV)


async def diff(session: Session, checkout: Checkout) -> Patch:
    """What differs from the base commit; new files are part of it, ignored ones are not.

    Raises:
        SandboxError: the sandbox failed.
    """
    stock = await take_stock(session, checkout)
    if not stock.tree:
        return Patch("", f"the changes are {stock.changes}")
    data = await _diff(session, checkout, tree=stock.tree)
    if data is not None and not _is_text(data):
        # A file in another encoding: sent as binary, every byte of it travels.
        await session.run(AS_BINARY)
        data = await _diff(session, checkout, tree=stock.tree)
        await session.run(["rm", "-f", ".git/info/attributes"])
    if data is None or not _is_text(data):
        return Patch("", f"the changes are more than {LARGEST_PATCH} bytes; take away what the code does not need")
    return Patch(data.decode())


async def _diff(session: Session, checkout: Checkout, *, tree: str) -> bytes | None:
    """The diff; None where it is too large."""
    await session.run(DIFF, env={**OWN_ENV, "BASE": checkout.commit, "TREE": tree}, wall_s=GIT_S)
    try:
        return await session.read(PATCH, max_bytes=LARGEST_PATCH)
    except FileRefused:
        return None


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
