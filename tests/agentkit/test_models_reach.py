"""A model that cannot be reached is refused before any work, with what to do, and without importing litellm."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from agentkit.models.chat import ChatModel
from agentkit.models.contracts import ModelUnavailable
from agentkit.models.reach import ADDRESSES, HOSTS, KEYS, check_reachable, key_variables, provider_of

from .openai_server import OpenAIServer


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in {v for group in (*KEYS.values(), *ADDRESSES.values()) for v in group}:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken but not listened on, so that a connection to it is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@asynccontextmanager
async def raw_server(answer: bytes | None) -> AsyncIterator[int]:
    """Takes connections and answers each with these bytes, or with silence."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize(
    ("name", "provider"),
    [("gpt-4o-mini", "openai"), ("openai/anything", "openai"), ("claude-sonnet-4-5", "anthropic"),
     ("anthropic/claude-x", "anthropic"), ("gemini/gemini-2.5-flash", "gemini"), ("ollama_chat/llama3", "ollama_chat"),
     ("hosted_vllm/Qwen/Qwen3-8B", "hosted_vllm"), ("cerebras/llama3.1-8b", "cerebras"), ("nobody/knows", ""),
     ("no-such-model", "")],
)  # fmt: skip
def test_the_provider_is_read_from_the_prefix_or_the_list(name: str, provider: str) -> None:
    assert provider_of(name) == provider


@pytest.mark.parametrize(
    ("name", "variable"),
    [("gpt-4o-mini", "OPENAI_API_KEY"), ("claude-sonnet-4-5", "ANTHROPIC_API_KEY"), ("groq/llama3", "GROQ_API_KEY"),
     ("gemini/gemini-2.5-flash", "GEMINI_API_KEY or GOOGLE_API_KEY"), ("mistral/small", "MISTRAL_API_KEY"),
     ("openrouter/x/y", "OPENROUTER_API_KEY"), ("deepseek/deepseek-chat", "DEEPSEEK_API_KEY")],
)  # fmt: skip
async def test_a_hosted_model_without_its_key_names_the_variable(name: str, variable: str) -> None:
    with pytest.raises(ModelUnavailable, match=f"set {variable}"):
        await ChatModel(name).check()


@pytest.mark.parametrize("provider", KEYS)
def test_our_key_variables_are_litellms(provider: str) -> None:
    from agentkit.models.offer import load_litellm

    missing = load_litellm().validate_environment(f"{provider}/some-model")["missing_keys"]
    assert not missing or set(missing) & set(KEYS[provider]), missing


async def test_a_server_that_lists_the_model_is_reached() -> None:
    async with OpenAIServer(models=["test", "other"]) as server:
        assert await ChatModel("openai/test", base_url=server.base_url).check() is None
        assert await ChatModel("hosted_vllm/other", base_url=f"{server.base_url}/").check() is None


async def test_a_server_without_the_model_says_which_it_has() -> None:
    async with OpenAIServer(models=["Qwen3-8B", "other"]) as server:
        with pytest.raises(ModelUnavailable, match=r"did you mean 'Qwen3-8B'.*it has: Qwen3-8B, other"):
            await ChatModel("hosted_vllm/Qwen3-8b", base_url=server.base_url).check()


@pytest.mark.parametrize("variable", ["HOSTED_VLLM_API_BASE", "OPENAI_BASE_URL"])
async def test_the_address_may_come_from_the_environment(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "hosted_vllm/mine" if "VLLM" in variable else "openai/mine"
    async with OpenAIServer(models=["yours"]) as server:
        monkeypatch.setenv(variable, server.base_url)
        with pytest.raises(ModelUnavailable, match="it has: yours"):
            await ChatModel(name).check()


async def test_a_vllm_model_without_an_address_is_told_where_to_put_it() -> None:
    with pytest.raises(ModelUnavailable, match="HOSTED_VLLM_API_BASE"):
        await ChatModel("hosted_vllm/x").check()


async def test_a_closed_port_is_refused(closed_port: int) -> None:
    with pytest.raises(ModelUnavailable, match="start the server"):
        await ChatModel("openai/test", base_url=f"http://127.0.0.1:{closed_port}/v1").check()


async def test_ollama_that_is_not_running_or_lacks_the_model_says_what_to_do(
    closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_BASE", f"http://127.0.0.1:{closed_port}")
    with pytest.raises(ModelUnavailable, match="ollama serve"):
        await ChatModel("ollama_chat/llama3").check()
    async with OpenAIServer(models=["llama3:latest"]) as server:
        monkeypatch.setenv("OLLAMA_API_BASE", server.root_url)
        await ChatModel("ollama_chat/llama3").check()
        with pytest.raises(ModelUnavailable, match="ollama pull qwen3"):
            await ChatModel("ollama_chat/qwen3").check()


async def test_a_forgotten_v1_is_noticed() -> None:
    async with OpenAIServer() as server:
        with pytest.raises(ModelUnavailable, match=f"{server.base_url} has; use that"):
            await ChatModel("hosted_vllm/test", base_url=server.root_url).check()


async def test_a_wrong_key_is_told_from_a_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with OpenAIServer(api_key="right") as server:
        with pytest.raises(ModelUnavailable, match=r"refuses the key .* set OPENAI_API_KEY"):
            await ChatModel("openai/test", base_url=server.base_url, api_key="wrong").check()
        await ChatModel("openai/test", base_url=server.base_url, api_key="right").check()
        monkeypatch.setenv("OPENAI_API_KEY", "right")
        await ChatModel("openai/test", base_url=server.base_url).check()


async def test_something_that_is_not_a_web_server_is_refused() -> None:
    async with raw_server(b"220 mail ready\r\n") as port:
        with pytest.raises(ModelUnavailable, match="cannot be reached"):
            assert await ChatModel("openai/test", base_url=f"http://127.0.0.1:{port}/v1").check() is None


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull"])
async def test_a_server_that_is_slow_or_lists_nothing_is_taken_to_be_there(answer: bytes | None) -> None:
    async with raw_server(answer) as port:
        assert await ChatModel("openai/test", base_url=f"http://127.0.0.1:{port}/v1").check() is None


@pytest.mark.parametrize("address", ["localhost:8000", "file:///etc/passwd", "http://", "ws://x/v1"])
async def test_an_address_that_is_no_base_url_is_refused(address: str) -> None:
    with pytest.raises(ModelUnavailable, match="is no base URL"):
        await check_reachable("openai/test", base_url=address)


async def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ModelUnavailable, match="did you mean 'gpt-4o-mini'"):
        await ChatModel("gpt-4o-minni").check()
    with pytest.raises(ModelUnavailable, match=r"unknown provider in 'antropic/claude', did you mean 'anthropic'"):
        await ChatModel("antropic/claude").check()


async def test_a_provider_that_only_litellm_knows_is_asked_of_litellm() -> None:
    with pytest.raises(ModelUnavailable, match="REPLICATE_API_KEY"):
        await ChatModel("replicate/some/model").check()


def test_every_provider_with_a_host_has_a_key_and_unknown_ones_have_none() -> None:
    assert set(HOSTS) <= set(KEYS)
    assert key_variables("nobody/knows") == ()


def test_the_check_takes_no_import_of_litellm() -> None:
    code = (
        "import asyncio, sys\n"
        "from agentkit.models.load import load_model\n"
        "from agentkit.models.contracts import ModelUnavailable\n"
        "for name, url in [('gpt-4o', None), ('hosted_vllm/x', 'http://127.0.0.1:9/v1'), ('gtp-4', None)]:\n"
        "    try:\n"
        "        asyncio.run(load_model(name, base_url=url).check())\n"
        "    except ModelUnavailable as error:\n"
        "        print(error)\n"
        "assert 'litellm' not in sys.modules\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 3), done.stderr
