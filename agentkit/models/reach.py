"""Whether a model can be reached, within a second and before any work is lost.

Importing litellm takes longer than that, so what the common providers need stands here: a key, or the address of a
server. A server is asked for its list of models. A hosted API is only looked for on the network, and no key is sent.
Providers that are not listed here are left to litellm.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import difflib
import http.client
import importlib.util
import json
import os
import socket
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from agentkit.models.contracts import ModelUnavailable

__all__ = ["check_reachable", "key_variables", "provider_of"]

CONNECT_S = 0.55
"""Seconds for a connection, the look-up of the name included."""
LIST_S = 0.35
"""Seconds for the list of models; with the connection, less than a second."""

KEYS = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "mistral": ("MISTRAL_API_KEY",),
    "groq": ("GROQ_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "xai": ("XAI_API_KEY",),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY"),
    "fireworks_ai": ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
    "azure": ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_AD_TOKEN"),
}
"""Environment variables of which one must be set, by provider."""

HOSTS = {
    "openai": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "gemini": "generativelanguage.googleapis.com",
    "mistral": "api.mistral.ai",
    "groq": "api.groq.com",
    "openrouter": "openrouter.ai",
    "deepseek": "api.deepseek.com",
    "xai": "api.x.ai",
}

ADDRESSES = {
    "openai": ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    "hosted_vllm": ("HOSTED_VLLM_API_BASE",),
    "ollama": ("OLLAMA_API_BASE",),
    "ollama_chat": ("OLLAMA_API_BASE",),
    "azure": ("AZURE_API_BASE",),
}
"""Environment variables that hold a server's address, by provider."""

OLLAMA = frozenset({"ollama", "ollama_chat"})
OLLAMA_URL = "http://localhost:11434"

T = TypeVar("T")


class Listing(NamedTuple):
    """What a server says when it is asked for its models."""

    status: int
    names: tuple[str, ...]


def provider_of(name: str) -> str:
    """The provider of a litellm model string; empty when neither its prefix nor litellm's list of models tells."""
    prefix, slash, _ = name.partition("/")
    if slash and (prefix in KEYS or prefix in ADDRESSES):
        return prefix
    known = _known_models()
    provider = known.get(name, {}).get("litellm_provider", "") if known else ""
    return str(provider) or (prefix if slash and any(m.startswith(f"{prefix}/") for m in known) else "")


def key_variables(name: str) -> tuple[str, ...]:
    """The environment variables of which one holds the key for a model; empty when it needs none, or is not known."""
    return KEYS.get(provider_of(name), ())


async def check_reachable(name: str, *, base_url: str | None = None, api_key: str | None = None) -> None:
    """Return when the model can be used, as far as can be told without asking it anything.

    Raises:
        ModelUnavailable: its key is missing, or its server does not answer or does not have it.
    """
    provider = provider_of(name)
    address = base_url or next(filter(None, map(os.environ.get, ADDRESSES.get(provider, ()))), None)
    if provider in OLLAMA:
        address = address or OLLAMA_URL
    if address and provider != "azure":
        await _check_server(name, provider, address, api_key)
    elif provider == "hosted_vllm":
        raise ModelUnavailable(
            f"{name} needs an address: pass --base-url http://HOST:8000/v1, or set HOSTED_VLLM_API_BASE"
        )
    elif provider in KEYS:
        _check_key(name, KEYS[provider], api_key)
        if provider in HOSTS:
            await _check_host(name, HOSTS[provider])
    elif "/" not in name:
        raise ModelUnavailable(
            f"unknown model {name!r}{_nearest(name, list(_known_models()))}; write pilot, scripted:FILE, "
            "cassette:FILE or PROVIDER/MODEL, such as openai/gpt-4o-mini or ollama_chat/llama3.2"
        )
    else:
        await asyncio.to_thread(_ask_litellm, name, api_key)


async def _check_server(name: str, provider: str, address: str, api_key: str | None) -> None:
    base = address.rstrip("/") + ("/v1" if provider in OLLAMA else "")
    parts = urllib.parse.urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelUnavailable(f"{address!r} is no base URL; write one such as http://localhost:8000/v1")
    key = api_key or next(filter(None, map(os.environ.get, KEYS.get(provider, ()))), "")
    try:
        await _connect(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80), scheme=parts.scheme)
        listing = await _list_models(base, key)
        if listing.status == 404 and not base.endswith("/v1") and (await _list_models(f"{base}/v1", key)).names:
            raise ModelUnavailable(f"{base} has no list of models, but {base}/v1 has; use that as the base URL")
    except (OSError, http.client.HTTPException) as error:
        start = "start it with `ollama serve`" if provider in OLLAMA else "start the server or mend the address"
        said = str(error) or f"no connection within {CONNECT_S} s"
        raise ModelUnavailable(f"{name} cannot be reached at {address}: {said}; {start}") from error
    if listing.status in (401, 403):
        variables = " or ".join(KEYS.get(provider, ())) or "the API key"
        raise ModelUnavailable(f"{address} refuses the key for {name} (status {listing.status}); set {variables}")
    _check_listed(name, provider, address, listing.names)


def _check_listed(name: str, provider: str, address: str, names: Sequence[str]) -> None:
    wanted = name.partition("/")[2] if name.startswith(f"{provider}/") else name
    if not names and provider not in OLLAMA:
        return  # a server that does not list its models
    if wanted in names or (provider in OLLAMA and f"{wanted}:latest" in names):
        return
    offered = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "") or "none at all"
    pull = f"; fetch it with `ollama pull {wanted}`" if provider in OLLAMA else ""
    raise ModelUnavailable(f"{address} has no model {wanted!r}{_nearest(wanted, names)}; it has: {offered}{pull}")


def _check_key(name: str, variables: Sequence[str], api_key: str | None) -> None:
    if not api_key and not any(map(os.environ.get, variables)):
        raise ModelUnavailable(
            f"{name} needs a key: set {' or '.join(variables)}, or pass --base-url for a server of your own; "
            "--model pilot needs neither"
        )


async def _check_host(name: str, host: str) -> None:
    try:
        await _connect(host, 443, scheme="https")
    except TimeoutError:
        return  # slow is not unreachable
    except OSError as error:
        raise ModelUnavailable(
            f"{name} cannot be reached: {host}: {error}; check the network, or use --model pilot, which needs none"
        ) from error


async def _connect(host: str, port: int, *, scheme: str) -> None:
    """Open a connection and close it. What lies behind a proxy is taken to be there.

    Raises:
        OSError: nothing listens there.
        TimeoutError: nothing answered in time.
    """
    if not _proxied(scheme, host):
        await _within(CONNECT_S, lambda: socket.create_connection((host, port), timeout=CONNECT_S).close())


async def _list_models(base: str, key: str) -> Listing:
    """The models that a server lists; none where it is slow to answer or lies behind a proxy."""
    parts = urllib.parse.urlsplit(f"{base}/models")
    host = parts.hostname or ""
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection

    def ask() -> Listing:
        with contextlib.closing(kind(host, parts.port, timeout=LIST_S)) as connection:
            connection.request("GET", parts.path, headers={"Authorization": f"Bearer {key}"} if key else {})
            answer = connection.getresponse()
            return Listing(answer.status, _names(answer.read()) if answer.status == 200 else ())

    if _proxied(parts.scheme, host):
        return Listing(200, ())
    try:
        return await _within(LIST_S, ask)
    except TimeoutError:
        return Listing(200, ())


def _names(body: bytes) -> tuple[str, ...]:
    try:
        data = json.loads(body)["data"] or ()
        return tuple(entry["id"] for entry in data)
    except (ValueError, KeyError, TypeError):
        return ()


def _proxied(scheme: str, host: str) -> bool:
    return scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host)


async def _within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns, from a thread that nobody waits for: a look-up of a name cannot be interrupted.

    Raises:
        TimeoutError: it took longer.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(outcome: concurrent.futures.Future[T]) -> None:
        if not done.done():
            error = outcome.exception()
            done.set_exception(error) if error else done.set_result(outcome.result())

    def run() -> None:
        outcome = concurrent.futures.Future[T]()
        try:
            outcome.set_result(work())
        except (OSError, http.client.HTTPException) as error:
            outcome.set_exception(error)
        with contextlib.suppress(RuntimeError):  # the loop was closed while nobody waited any more
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wait_for(done, seconds)


def _known_models() -> dict[str, Any]:
    """The list of models that litellm has, read without importing litellm; empty when it is not installed."""
    found = importlib.util.find_spec("litellm")
    for folder in (found.submodule_search_locations or ()) if found else ():
        file = Path(folder) / "model_prices_and_context_window_backup.json"
        if file.is_file():
            known: dict[str, Any] = json.loads(file.read_bytes())
            return known
    return {}


def _nearest(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else ""


def _ask_litellm(name: str, api_key: str | None) -> None:
    from agentkit.models.offer import load_litellm

    litellm = load_litellm()
    try:
        litellm.get_llm_provider(name)
    except litellm.BadRequestError as error:
        near = _nearest(name.partition("/")[0], [str(getattr(p, "value", p)) for p in litellm.provider_list])
        raise ModelUnavailable(
            f"unknown provider in {name!r}{near}; write PROVIDER/MODEL as litellm names them"
        ) from error
    missing = litellm.validate_environment(name, api_key=api_key)["missing_keys"]
    if missing and not api_key:
        raise ModelUnavailable(f"{name} needs {' and '.join(missing)} to be set in the environment")
