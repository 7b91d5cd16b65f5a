"""Cassettes: recorded once, replayed byte for byte; a changed request is shown, and a crash loses one line at most."""

import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agentkit.models.cassette import Cassette
from agentkit.models.chat import ChatModel
from agentkit.models.contracts import ModelError, ModelUnavailable
from agentkit.models.scripted import ScriptedModel
from environments.contracts import ToolSpec
from memory.trajectory import (
    Completion,
    Image,
    Message,
    Observed,
    Recalled,
    RecalledItem,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
)

from .openai_server import OpenAIServer, say

CLICK = ToolSpec("click", "Click.", {"type": "object", "properties": {"ref": {"type": "string"}}})
STORED = Path(__file__).parents[1] / "data" / "cassettes"


class Verdict(BaseModel):
    success: bool


@dataclass(frozen=True)
class Page:
    text: str
    screenshot: bytes | None = None
    fingerprint: str = "f"

    def render(self, *, max_tokens: int = 4000, against: Any = None) -> str:
        return self.text

    def to_json(self) -> dict[str, Any]:
        return {"kind": "page"}


def user(text: str) -> list[Message]:
    return [Message("user", (Text(text),))]


RICH = Completion(
    text="naïve \u2028 “text” \x00",
    tool_calls=(ToolCall("click", {"ref": "12", "n": [1, 2.5, None]}, id="c"), ToolCall("x", {}, raw="{")),
    reasoning="hm",
    finish_reason="tool_calls",
    logprobs=(TokenLogprob("a", -0.1234567890123, (("a", -0.1), ("b", -9999.0))),),
    prompt_token_ids=(1, 2),
    token_ids=(3,),
    parsed={"success": True},
    usage=Usage(prompt_tokens=3, completion_tokens=4, cached_tokens=1, calls=2, seconds=0.25, cost_usd=None),
    model="m",
    data={"id": "x"},
)


async def test_a_completion_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "tape.jsonl"
    recorder = Cassette(path, model=ScriptedModel([RICH]), mode="record")
    recorded = await recorder.complete(user("hi"), tools=[CLICK], seed=1, stop=["x"])
    tape = Cassette(path)
    await tape.check()
    replayed = await tape.complete(user("hi"), tools=[CLICK], seed=1, stop=["x"])
    assert replayed == recorded
    assert replayed == [replace(RICH, model="scripted", tool_calls=recorded[0].tool_calls)]
    assert tape.name == "scripted"


async def test_recording_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        model = Cassette(tmp_path / name, model=ScriptedModel([RICH, "two"]), mode="record")
        await model.complete(user("hi"), tools=[CLICK])
        await model.complete(user("hé"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


async def test_equal_requests_are_replayed_in_the_order_they_were_recorded_in(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    recorder = Cassette(path, model=ScriptedModel(["first", "other", "second"]), mode="record")
    for text in ("same", "different", "same"):
        await recorder.complete(user(text))
    tape = Cassette(path)
    said = [(await tape.complete(user(text)))[0].text for text in ("same", "same", "different")]
    assert said == ["first", "second", "other"]
    with pytest.raises(ModelError, match="recorded 2 times and is asked once more"):
        await tape.complete(user("same"))


CHANGES: dict[str, dict[str, Any]] = {
    "text": {"messages": user("Click the blue button\nand stop.")},
    "tool": {"tools": [ToolSpec("click", "Click twice.", CLICK.parameters)]},
    "no tools": {"tools": []},
    "n": {"n": 2},
    "temperature": {"temperature": 0.1},
    "max_tokens": {"max_tokens": 5},
    "logprobs": {"logprobs": 1},
    "schema": {"schema": Verdict},
    "prefill": {"prefill": "I"},
    "stop": {"stop": ["x"]},
    "seed": {"seed": 2},
    "memory": {"messages": [*user("Click the red button\nand stop."),
                            Message("user", (Recalled((RecalledItem("i", 1, "tip", "try"),)),))]},
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
async def test_any_change_of_the_request_is_an_error(change: str, tmp_path: Path) -> None:
    base: dict[str, Any] = {"messages": user("Click the red button\nand stop."), "tools": [CLICK], "seed": 1}
    await Cassette(tmp_path / "tape", model=ScriptedModel(["ok"]), mode="record").complete(**base)
    with pytest.raises(ModelError, match="was not recorded") as caught:
        await Cassette(tmp_path / "tape").complete(**base | CHANGES[change])
    assert "\n+" in str(caught.value)


async def test_the_error_is_a_diff_against_the_nearest_recorded_request(tmp_path: Path) -> None:
    recorder = Cassette(tmp_path / "tape", model=ScriptedModel(["1", "2"]), mode="record")
    await recorder.complete(user("Something else entirely"), temperature=0.3, seed=9)
    await recorder.complete(user("Click the red button\nand stop."))
    with pytest.raises(ModelError) as caught:
        await Cassette(tmp_path / "tape").complete(user("Click the blue button\nand stop."))
    message = str(caught.value)
    assert "nearest of 2 recorded" in message
    assert [line for line in message.splitlines() if line.startswith(("-", "+")) and "button" in line] == [
        '-   "content": "Click the red button', '+   "content": "Click the blue button',
    ]  # fmt: skip
    assert "Something else" not in message


async def test_auto_replays_what_is_there_and_records_what_is_not(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    await Cassette(path, model=ScriptedModel(["old"]), mode="record").complete(user("a"))
    inner = ScriptedModel(["new"])
    auto = Cassette(path, model=inner, mode="auto")
    assert [(await auto.complete(user(text)))[0].text for text in ("a", "b")] == ["old", "new"]
    assert len(inner.asked) == 1
    assert len(path.read_text().splitlines()) == 2
    assert (await Cassette(path).complete(user("b")))[0].text == "new"


async def test_failures_are_not_recorded(tmp_path: Path) -> None:
    tape = Cassette(tmp_path / "tape", model=ScriptedModel([ModelError("down"), "up"]), mode="record")
    with pytest.raises(ModelError, match="down"):
        await tape.complete(user("a"))
    assert not (tmp_path / "tape").exists()
    assert (await tape.complete(user("a")))[0].text == "up"


async def test_pictures_are_kept_by_digest_and_screenshots_count_only_when_asked(tmp_path: Path) -> None:
    def shown(*, picture: bytes, screenshot: bytes) -> list[Message]:
        return [Message("user", (Image("d", data=picture), Observed(Page("p", screenshot=screenshot))))]

    path = tmp_path / "tape"
    recorder = Cassette(path, model=ScriptedModel(["x"]), mode="record")
    await recorder.complete(shown(picture=b"A" * 5000, screenshot=b"B" * 5000))
    assert path.stat().st_size < 2000
    assert (await Cassette(path).complete(shown(picture=b"A" * 5000, screenshot=b"other")))[0].text == "x"
    with pytest.raises(ModelError, match="was not recorded"):
        await Cassette(path).complete(shown(picture=b"C", screenshot=b"B" * 5000))
    with pytest.raises(ModelError, match="was not recorded"):
        await Cassette(path, screenshots=True).complete(shown(picture=b"A" * 5000, screenshot=b"B" * 5000))


async def test_no_key_and_no_address_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    async with OpenAIServer([say("hi")], api_key="sk-very-secret") as server:
        chat = ChatModel("openai/test", base_url=server.base_url, api_key="sk-very-secret")
        await Cassette(path, model=chat, mode="record").complete(user("hello"))
        address = server.root_url.removeprefix("http://")
    stored = path.read_text()
    assert "hi" in stored
    assert "sk-very-secret" not in stored
    assert address not in stored


async def test_a_cut_off_last_line_is_left_out_with_a_warning_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    recorder = Cassette(path, model=ScriptedModel(["1", "2"]), mode="record")
    await recorder.complete(user("a"))
    await recorder.complete(user("b"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.warns(UserWarning, match="cut off"):
        tape = Cassette(path)
    assert (await tape.complete(user("a")))[0].text == "1"
    with pytest.warns(UserWarning, match="cut off"):
        auto = Cassette(path, model=ScriptedModel(["2", "3"]), mode="auto")
    await auto.complete(user("b"))
    assert path.read_bytes() == whole
    await auto.complete(user("c"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (await Cassette(path).complete(user("c")))[0].text == "3"


def test_a_process_killed_while_recording_loses_no_finished_line(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    code = (
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from agentkit.models.cassette import Cassette\nfrom agentkit.models.scripted import ScriptedModel\n"
        "from memory.trajectory import Message, Text\n"
        "async def run():\n"
        "    tape = Cassette(Path(sys.argv[1]), model=ScriptedModel(lambda m: m[-1].text), mode='record')\n"
        "    for i in range(10**9):\n"
        "        await tape.complete([Message('user', (Text(str(i)),))])\n"
        "        print(i, flush=True)\n"
        "asyncio.run(run())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        finished = [int(process.stdout.readline()) for _ in range(20)]
        os.kill(process.pid, signal.SIGKILL)
        finished += [int(line) for line in process.stdout]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        tape = Cassette(path)
    assert len(tape._heard) >= len(finished)


@pytest.mark.parametrize(
    ("line", "reason"),
    [("{", "line 1"), ('{"schema": 2}', "schema 2, expected 1"), ("[]", "line 1"),
     ('{"schema": 1, "request": {}, "completions": [{"text": 5}]}', "expected a Completion")],
)  # fmt: skip
def test_a_broken_or_newer_cassette_says_where(line: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "tape"
    path.write_text(line + "\n")
    with pytest.raises(ModelUnavailable, match=reason):
        Cassette(path)


def test_opening_wrongly_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="mode='record'"):
        Cassette(tmp_path / "missing")
    with pytest.raises(ModelUnavailable, match="needs a model"):
        Cassette(tmp_path / "tape", mode="auto")
    (tmp_path / "tape").write_text("{}\n")
    with pytest.raises(ModelUnavailable, match="recorded already"):
        Cassette(tmp_path / "tape", model=ScriptedModel([]), mode="record")


async def test_the_stored_cassette_of_schema_1_is_still_read(tmp_path: Path) -> None:
    """`tests/data/cassettes/schema-1.jsonl` was written when the schema was new, and is never written again."""
    path = tmp_path / "schema-1.jsonl"
    shutil.copy(STORED / "schema-1.jsonl", path)
    page = Message("user", (Text("Press OK.", "goal"), Observed(Page("[1] button 'OK'"))))
    [reply] = await Cassette(path).complete([page], tools=[CLICK], temperature=0.0, seed=7)
    assert reply.tool_calls == (ToolCall("click", {"ref": "1"}, id="call_1"),)
    assert reply.usage.cost_usd is None
    record = json.loads(path.read_text().splitlines()[0])
    assert record["schema"] == 1
