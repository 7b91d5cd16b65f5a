"""What every `Store` must do, as one function that anyone may run over their own.

    await check_memory(lambda: MyStore(fresh_folder()))

The factory gives a new, empty store each time, as an async context manager.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from memory import events
from memory.contracts import Query, Store
from memory.events import Event
from memory.items import Content, Provenance, Scope

__all__ = ["check_memory"]

StoreFactory = Callable[[], AbstractAsyncContextManager[Store]]

GOAL = "Choose the second menu entry and save the page"
SHOP = Scope(environment="check", site="shop")


async def check_memory(store_factory: StoreFactory) -> list[str]:
    """Run every check on a store of its own; gives the names of those passed.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    checks: tuple[Callable[[Store], Awaitable[None]], ...] = (
        finds_what_was_written,
        keeps_scopes_apart,
        honours_its_limits,
        hides_tests_from_themselves,
        serves_only_what_is_active,
        forgets_repetition,
        learns_no_echo,
        changes_nothing_by_reading,
    )
    for check in checks:
        async with store_factory() as store:
            await check(store)
    return [check.__name__ for check in checks]


async def finds_what_was_written(store: Store) -> None:
    receipt = await store.write([lesson(GOAL), lesson("Bananas are yellow when they are ripe")])
    await store.flush()
    expect(receipt.added == 2, f"two new items give a receipt of 2 added, not {receipt}")
    found = await store.recall(ask())
    expect(bool(found) and found[0].text == GOAL, "an item whose text is the goal is recalled first")
    expect(found[0].score > 0.99, f"its score is its cosine similarity, 1, not {found[0].score}")


async def keeps_scopes_apart(store: Store) -> None:
    scopes = [
        SHOP,
        Scope(environment="check", site="bank"),
        Scope(environment="check"),
        Scope(environment="other"),
        Scope(),
    ]
    await store.write([lesson(f"{GOAL} {where}", scope=scope) for where, scope in zip("abcde", scopes, strict=True)])
    await store.flush()
    found = {item.text[-1] for item in await store.recall(ask(k=10))}
    expect(
        found == {"a", "c", "e"}, f"a query on a site reaches it, its environment and `anywhere`, not {sorted(found)}"
    )


async def honours_its_limits(store: Store) -> None:
    places = ("shop", "bank", "forum", "library", "garden")
    await store.write([lesson(f"{GOAL} of the {place}") for place in places])
    await store.write([lesson(GOAL, kind="experience")])
    await store.flush()
    expect(len(await store.recall(ask(k=2))) == 2, "k=2 gives two items where there are more")
    kinds = {item.kind for item in await store.recall(ask(kinds=("tip",), k=10))}
    expect(kinds == {"tip"}, f"kinds=('tip',) gives tips only, not {sorted(kinds)}")
    room = ask(k=10, max_tokens=30)
    used = sum(len(item.text) / 4 for item in await store.recall(room))
    expect(0 < used <= 30, f"max_tokens=30 gives at most 30 tokens of text and at least one item, not {used}")
    scores = [item.score for item in await store.recall(ask(k=10))]
    expect(scores == sorted(scores, reverse=True), "the most similar item comes first")
    expect(not await store.recall(ask(min_score=1.01)), "nothing is recalled below min_score")


async def hides_tests_from_themselves(store: Store) -> None:
    await store.write([lesson(f"{GOAL} {split}", split=split) for split in ("training", "validation", "heldout")])
    await store.flush()

    async def seen(family: str, split: str) -> list[str]:
        query = Query(goal=GOAL, environment="check", site="shop", family=family, split=split)  # type: ignore[arg-type]
        return sorted(item.text.rsplit(" ", 1)[1] for item in await store.recall(query))

    expect(
        await seen("check/menu", "heldout") == ["training", "validation"], "a held-out family never sees its own test"
    )
    expect(await seen("check/menu", "training") == ["training", "validation"], "not even in training")
    expect(await seen("check/menu", "validation") == ["training"], "a validation task does not see its own test")
    expect(len(await seen("check/else", "heldout")) == 3, "another family may see all of it")


async def serves_only_what_is_active(store: Store) -> None:
    kept, gone, shut = (lesson(f"{GOAL} {word}") for word in ("kept", "gone", "shut"))
    await store.write([kept, gone, shut, events.retired(gone.item), events.quarantined(shut.item)])
    await store.flush()
    found = {item.id for item in await store.recall(ask())}
    expect(found == {kept.item}, "retired and quarantined items are not recalled")
    await store.write([events.restored(gone.item)])
    await store.flush()
    found = {item.id for item in await store.recall(ask())}
    expect(found == {kept.item, gone.item}, "a restored item is recalled again")


async def forgets_repetition(store: Store) -> None:
    first = lesson(GOAL)
    batch = [first, events.recalled(first.item, source("t2", step=3)), events.helped(first.item, source("t2"))]
    await store.write(batch)
    before = dict(store.items)
    receipt = await store.write(batch)
    expect(receipt.known == 3 and dict(store.items) == before, f"the same batch again changes nothing, not {receipt}")
    await store.write([lesson(f"  {GOAL.upper()} ", trajectory="t3")])
    await store.flush()
    expect(len(store.items) == 1, "the same words, spaced and cased otherwise, are the same item")
    expect(store.items[first.item].support == 2, "learnt again in another trajectory, it has a support of 2")


async def learns_no_echo(store: Store) -> None:
    first = lesson(GOAL)
    await store.write([first])
    shown = events.recalled(first.item, source("t2", step=0))
    receipt = await store.write([lesson(GOAL, trajectory="t2"), shown])
    expect(receipt.echoed == 1, f"what was shown in a trajectory is not learnt from it, not {receipt}")
    again = events.added(Content.of("tip", f"{GOAL} now", scope=SHOP), source("t3"), derived_from=(first.item,))
    await store.write([again])
    await store.flush()
    expect(list(store.items) == [first.item], "nor is a rewording of what it was derived from")
    expect(store.items[first.item].support == 1, "and neither adds support")


async def changes_nothing_by_reading(store: Store) -> None:
    await store.write([lesson(GOAL), lesson(f"{GOAL} twice")])
    await store.flush()
    before = dict(store.items)
    answers = [await store.recall(ask()) for _ in range(3)]
    expect(answers[0] == answers[1] == answers[2], "the same query gives the same answer")
    expect(dict(store.items) == before, "recall changes no item")


def source(trajectory: str = "t1", *, split: str = "training", step: int | None = None) -> Provenance:
    return Provenance(trajectory=trajectory, task="menu", family="check/menu", split=split, step=step)


def lesson(
    text: str, *, kind: str = "tip", scope: Scope = SHOP, trajectory: str = "t1", split: str = "training"
) -> Event:
    return events.added(Content.of(kind, text, scope=scope), source(trajectory, split=split))


def ask(*, k: int = 5, kinds: tuple[str, ...] = (), max_tokens: int = 600, min_score: float = 0.25) -> Query:
    return Query(
        goal=GOAL,
        environment=SHOP.environment,
        site=SHOP.site,
        k=k,
        kinds=kinds,
        max_tokens=max_tokens,
        min_score=min_score,
    )


def expect(held: bool, promise: str) -> None:
    """Raise an AssertionError that names the promise; `assert` would be gone under python -O."""
    if not held:
        raise AssertionError(f"this store breaks a promise of memory: {promise}")
