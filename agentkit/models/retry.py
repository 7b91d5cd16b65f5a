"""The one retry layer: what failed, whether to try again, and how long to wait.

Statuses 408, 409, 429 and 5xx, dropped connections, timeouts, replies that are not JSON and replies without a choice
are tried again; everything else fails at once. The wait doubles from `first_wait_s` with full jitter, or is what the
server's Retry-After says when that is longer.
"""

from __future__ import annotations

import asyncio
import datetime
import email.utils
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import tenacity

from agentkit.models.contracts import ModelError, ModelUnavailable
from agentkit.models.reach import key_variables
from memory.trajectory import Usage
from sandbox import AgentkitError

__all__ = ["CallFailed", "RetryPolicy", "read_failure", "stated_error"]

RETRIED_STATUSES = frozenset({408, 409, 429})
UNREACHED = frozenset({"ConnectError", "ConnectTimeout", "ClientConnectorError", "UnsupportedParamsError"})
"""Exceptions in a chain that say that the request never left."""


class CallFailed(Exception):
    """One request that brought no usable reply."""

    def __init__(
        self,
        said: str,
        *,
        status: int = 0,
        retried: bool = True,
        retry_after_s: float = 0.0,
        reached: bool = True,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(said)
        self.said = said
        """What the server, or the connection, said."""
        self.status = status
        """HTTP status; 0 when there was none."""
        self.retried = retried
        """True when trying again may help."""
        self.retry_after_s = retry_after_s
        self.reached = reached
        """False when the request never got to a server, and so took nothing."""
        self.usage = usage
        """What it took, where the server said so."""

    @property
    def lost(self) -> bool:
        """True when the server may have worked on a reply, and asked a price for it, that did not arrive whole."""
        return self.reached and not self.status


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to give up."""

    tries: int = 6
    """Requests for one reply, the first included."""
    total_s: float = 300.0
    """No wait is begun that would end later than so many seconds after the first request."""
    timeout_s: float = 120.0
    """Seconds for one request."""
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    """No wait is longer, whatever Retry-After says."""
    rng: random.Random = field(default_factory=random.Random)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def attempts(self) -> tenacity.AsyncRetrying:
        """One `async for` over tries, each a `with` block; the last failure is raised as it is."""
        return tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, CallFailed) and error.retried),
            stop=tenacity.stop_after_attempt(self.tries) | tenacity.stop_before_delay(self.total_s),
            wait=self._wait,
            sleep=self.sleep,
            reraise=True,
        )

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_s if isinstance(error, CallFailed) else 0.0
        ceiling = self.first_wait_s * 2 ** min(state.attempt_number - 1, 30)
        return min(max(asked, self.rng.uniform(0.0, ceiling)), self.longest_wait_s)


def read_failure(error: BaseException) -> CallFailed:
    """What a litellm exception means.

    litellm gives a dropped connection a status of 500 and an unreadable body one of 200 or 500 by the provider, so the
    status counts only when the server's own headers came with it.
    """
    names = {type(cause).__name__ for cause in _causes(error)}
    headers = getattr(error, "litellm_response_headers", None)
    answered = "HTTPStatusError" in names or (headers is not None and "JSONDecodeError" not in names)
    status = int(getattr(error, "status_code", 0) or 0)
    said = " ".join(str(error).split())[:500] or type(error).__name__
    if names & UNREACHED:
        unsent = "UnsupportedParamsError" in names
        return CallFailed(said, status=400 if unsent else 0, reached=False, retried=not unsent)
    if answered and status >= 400:
        retried = status in RETRIED_STATUSES or status >= 500
        asked = (headers or {}).get("retry-after", "")
        return CallFailed(said, status=status, retried=retried, retry_after_s=read_retry_after(asked))
    refused = 400 <= status < 500 and status not in RETRIED_STATUSES
    return CallFailed(said, status=status if refused else 0, retried=not refused)


def stated_error(
    failure: CallFailed, usage: Usage, *, name: str, base_url: str | None, api_key: str | None
) -> ModelError:
    """The error that a caller sees: what was said, after how many requests, and what to do."""
    said = failure.said.replace(api_key, "***") if api_key else failure.said
    tries = f"{usage.calls} request{'' if usage.calls == 1 else 's'}" if failure.reached else "no connection"
    where = f" at {base_url}" if base_url else ""
    kind = (
        ModelUnavailable if failure.status in (401, 403, 404) or not (failure.status or failure.reached) else ModelError
    )
    return kind(f"{name}{where} gave no usable reply ({tries}): {said}; {_advice(failure, name)}", usage=usage)


def _advice(failure: CallFailed, name: str) -> str:
    match failure.status:
        case 401 | 403:
            return f"check the key in {' or '.join(key_variables(name)) or 'api_key'}"
        case 404:
            return "check the model's name and the base URL, which usually ends with /v1"
        case 429:
            return "run fewer in parallel, or raise the quota"
        case 400 | 413 | 422:
            return "the server refuses this request as it is: a shorter prompt or other settings may help"
    return "try again later, or with a longer timeout" if failure.reached else "start the server or check the address"


def read_retry_after(text: str, *, now: datetime.datetime | None = None) -> float:
    """Seconds from a Retry-After header, seconds or a date (RFC 9110, section 10.2.3); 0 when unreadable."""
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        then = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    now = now or datetime.datetime.now(datetime.UTC)
    return max(0.0, (then.replace(tzinfo=then.tzinfo or datetime.UTC) - now).total_seconds())


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and what led to it, less what its caller may have been handling at the time."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen and not isinstance(error, AgentkitError | CallFailed):
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
