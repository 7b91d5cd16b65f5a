"""BrowserGym's side of the benchmark: one request a line on stdin, one reply a line on stdout, both JSON.

Runs in the environment that install.py makes. BrowserGym is used as it is, through `gymnasium.make`, but for its chat
window, a second Chromium that would only make it slower: here it keeps its messages and draws nothing.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import browsergym.core.env as core_env
import browsergym.miniwob  # noqa: F401  registers the tasks
import gymnasium
from browsergym.utils.obs import flatten_axtree_to_str

SLEEPS_OFF = {"slow_mo": 0, "pre_observation_delay": 0.0}
LISTING_JS = (Path(__file__).parent / "listing.js").read_text()


class SilentChat:
    """Stands where BrowserGym opens its chat window."""

    def __init__(self, **_: object) -> None:
        self.messages: list[dict] = []

    def add_message(self, role: str, msg: str) -> None:
        self.messages.append({"role": role, "timestamp": time.time(), "message": msg})

    def close(self) -> None:
        self.messages = []


core_env.Chat = SilentChat


class Side:
    """One environment at a time, of the page that was last asked for."""

    def __init__(self, *, sleeps: bool) -> None:
        self.options = {} if sleeps else SLEEPS_OFF
        self.page, self.env, self.observation = "", None, {}

    def reset(self, *, page: str, seed: int, url: str = "") -> dict:
        """Open the page, through a new environment when it is another one than before."""
        start = time.perf_counter()
        if page != self.page:
            self.close()
            kind = {"task_kwargs": {"start_url": url, "goal": "look around"}} if url else {}
            name = "browsergym/openended" if url else f"browsergym/miniwob.{page}"
            self.env = gymnasium.make(name, disable_env_checker=True, **self.options, **kind)
            self.page = page
        self.observation, _ = self.env.reset(seed=seed)
        return {"wall": time.perf_counter() - start}

    def step(self, *, act: str, role: str, name: str | None = None, nth: int = 0, text: str = "") -> dict:
        """Click or fill the nth element of this role and name; without a name, of this role."""
        bid = self._find(role, name, nth)
        action = f"click({bid!r})" if act == "click" else f"fill({bid!r}, {text!r})"
        start = time.perf_counter()
        self.observation, *_ = self.env.step(action)
        return {"wall": time.perf_counter() - start, "error": self.observation["last_action_error"]}

    def _find(self, role: str, name: str | None, nth: int) -> str:
        nodes = self.observation["axtree_object"]["nodes"]
        held = [node for node in nodes if value(node, "role") == role and name in (None, value(node, "name"))]
        bids = [node["browsergym_id"] for node in held if node.get("browsergym_id")]
        if nth >= len(bids):
            raise LookupError(f"no {role} {name!r} number {nth}; {len(bids)} of them")
        return bids[nth]

    def look(self) -> dict:
        """Observe again without acting."""
        start = time.perf_counter()
        self.observation, *_ = self.env.step("noop(0)")
        return {"wall": time.perf_counter() - start}

    def text(self) -> dict:
        """The observation as its agents print it."""
        start = time.perf_counter()
        text = flatten_axtree_to_str(self.observation["axtree_object"])
        return {"wall": time.perf_counter() - start, "text": text}

    def listing(self, *, outline_js: str, page: str, seed: int) -> dict:
        """What BrowserGym lists on a task's first page, and beside it agentkit's outline of the very same document.

        The outline's script comes in before the page's own, as it does in agentkit.
        """
        self.close()
        make_context = core_env.playwright.sync_api.Browser.new_context

        def with_script(browser, **options):
            context = make_context(browser, **options)
            context.add_init_script(outline_js)
            return context

        core_env.playwright.sync_api.Browser.new_context = with_script
        try:
            self.reset(page=page, seed=seed)
        finally:
            core_env.playwright.sync_api.Browser.new_context = make_context
        live = self.env.unwrapped.page
        heard = mark_listeners(live)
        ours = live.evaluate(LISTING_JS)
        visibility = self.observation["extra_element_properties"]
        nodes = self.observation["axtree_object"]["nodes"]
        listed = [
            {
                "bid": node["browsergym_id"],
                "role": value(node, "role"),
                "name": value(node, "name"),
                "visible": visibility.get(node["browsergym_id"], {}).get("visibility"),
                "box": visibility.get(node["browsergym_id"], {}).get("bbox"),
            }
            for node in nodes
            if node.get("browsergym_id") and not node.get("ignored")
        ]
        text = flatten_axtree_to_str(self.observation["axtree_object"])
        return {"listed": [node for node in listed if f"[{node['bid']}]" in text], "heard": heard, **ours}

    def close(self) -> None:
        if self.env is not None:
            self.env.close()
        self.env, self.page = None, ""


def value(node: dict, key: str) -> str:
    return str(node.get(key, {}).get("value", ""))


def mark_listeners(page) -> int:
    """Write into `data-heard` which listeners the browser itself knows of an element. Returns how many have any."""
    session = page.context.new_cdp_session(page)
    found = session.send("Runtime.evaluate", {"expression": "[...document.body.querySelectorAll('*')]"})["result"]
    properties = session.send("Runtime.getProperties", {"objectId": found["objectId"], "ownProperties": True})["result"]
    count = 0
    for item in properties:
        node = item.get("value", {})
        if not item["name"].isdigit() or "objectId" not in node:
            continue
        listeners = session.send("DOMDebugger.getEventListeners", {"objectId": node["objectId"]})["listeners"]
        if types := sorted({listener["type"] for listener in listeners}):
            count += 1
            declaration = "function (types) { this.dataset.heard = types; }"
            arguments = [{"value": " ".join(types)}]
            call = {"functionDeclaration": declaration, "objectId": node["objectId"], "arguments": arguments}
            session.send("Runtime.callFunctionOn", call)
    session.detach()
    return count


def main() -> None:
    """Answer requests until stdin ends. What libraries print goes to stderr."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    side = Side(sleeps="--sleeps" in sys.argv)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = getattr(side, request.pop("do"))(**request) or {}
        except Exception as error:  # told to the driver, which decides
            reply = {"failed": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
    side.close()


if __name__ == "__main__":
    main()
