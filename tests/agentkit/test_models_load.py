"""What is typed after `--model` becomes the model that was meant, or a message that says which."""

import json
from pathlib import Path

import pytest

from agentkit.models.cassette import Cassette
from agentkit.models.chat import ChatModel
from agentkit.models.contracts import ModelUnavailable
from agentkit.models.load import load_model
from agentkit.models.offer import Price
from agentkit.models.scripted import ScriptedModel
from memory.trajectory import Message, Text

from .openai_server import OpenAIServer, say

HELLO = [Message("user", (Text("hello"),))]


@pytest.mark.parametrize("spec", ["gpt-4o", "hosted_vllm/Qwen/Qwen3-8B", "ollama_chat/llama3:8b", "x/pilot"])
def test_anything_else_is_a_litellm_name(spec: str) -> None:
    model = load_model(spec)
    assert isinstance(model, ChatModel)
    assert model.name == spec


def test_the_pilot_is_loaded_by_its_name() -> None:
    assert load_model("pilot").name == "pilot"


async def test_a_script_is_loaded_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(["hi"]))
    model = load_model(f"scripted:{tmp_path / 'a.json'}")
    assert isinstance(model, ScriptedModel)
    assert (await model.complete(HELLO))[0].text == "hi"


async def test_a_cassette_records_with_the_model_after_the_plus_and_replays_without_it(tmp_path: Path) -> None:
    path = tmp_path / "a+b.jsonl"
    async with OpenAIServer([say("hi")]) as server:
        price = Price(prompt=1.0, completion=1.0)
        recorder = load_model(f"cassette:{path}+openai/test", base_url=server.base_url, api_key="k", price=price)
        [recorded] = await recorder.complete(HELLO)
    assert recorded.usage.cost_usd == pytest.approx(15e-6)
    tape = load_model(f"cassette:{path}")
    assert isinstance(tape, Cassette)
    assert tape.name == "openai/test"
    assert await tape.complete(HELLO) == [recorded]


@pytest.mark.parametrize(
    ("spec", "meant"),
    [("pilto", "did you mean 'pilot'"), ("Pilot", "did you mean 'pilot'"), ("scripted", "scripted:FILE"),
     ("script:a.json", "scripted:FILE"), ("casette:a.jsonl", "cassette:FILE"), ("scripted:", "names no file"),
     ("cassette:", "names no file"), ("", "write pilot")],
)  # fmt: skip
def test_a_misspelt_name_says_what_was_meant(spec: str, meant: str) -> None:
    with pytest.raises(ModelUnavailable, match=meant):
        load_model(spec)


def test_a_cassette_that_is_not_there_says_how_to_record_it(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="record"):
        load_model(f"cassette:{tmp_path / 'none.jsonl'}")
