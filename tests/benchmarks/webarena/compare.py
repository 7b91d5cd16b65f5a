"""Asks a published package for its verdict on every case, and records what it said. Run inside its environment:

sh tests/benchmarks/webarena/make_envs.sh /tmp/webarena-envs
/tmp/webarena-envs/libwebarena/bin/python tests/benchmarks/webarena/compare.py tests/data/webarena-cases.jsonl

Two parts of the package cannot be had offline, and are stood in for: its sentence splitter's data file (an untrained
splitter of the same library takes its place; no case hangs on where a sentence ends but those with a full stop), and
the language model (any question to it is recorded as "asked a model").
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from cases import SITE, cases
from site_server import site_server

NAMES = ("REDDIT", "SHOPPING", "SHOPPING_ADMIN", "GITLAB", "WIKIPEDIA", "MAP", "HOMEPAGE")
CHROMIUM = "/usr/bin/chromium"


def main(out: Path, *, html: bool) -> None:
    with site_server() as site:
        os.environ |= dict.fromkeys(NAMES, site) | {"OPENAI_API_KEY": "none"}
        evaluators = package()
        from playwright.sync_api import sync_playwright

        lines = []
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) if html else None
            for case in cases():
                if case["kind"] == "html" and browser is None:
                    continue
                page = browser.new_context().new_page() if browser and case["kind"] == "html" else None
                said = verdict(evaluators, json.loads(json.dumps(case).replace(SITE, site)), page)
                if page is not None:
                    page.context.close()
                lines.append(json.dumps({**case, "said": {"libwebarena": said}}, ensure_ascii=False))
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} cases")


def package() -> Any:
    from nltk.tokenize import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktSentenceTokenizer
    from webarena.evaluation_harness import evaluators, helper_functions

    def words(text: str) -> list[str]:
        return [w for part in PunktSentenceTokenizer().tokenize(text) for w in NLTKWordTokenizer().tokenize(part)]

    def model(**question: Any) -> str:
        raise RuntimeError("asked a model")

    evaluators.word_tokenize = words
    evaluators.time.sleep = lambda seconds: None
    helper_functions.generate_from_openai_chat_completion = model
    return evaluators


def verdict(evaluators: Any, case: dict[str, Any], page: Any) -> float | str:
    """What the package says: 0.0 or 1.0, or what it raised."""
    if case["kind"] == "html":
        page.goto(case["url"])
    elif case["kind"] == "url":
        page = evaluators.PseudoPage(page, case["url"])
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"intent": "a task", "eval": case["eval"]}, file)
        file.flush()
        try:
            trajectory = [{}, {"answer": case["answer"]}]
            parts = {"string": "StringEvaluator", "url": "URLEvaluator", "html": "HTMLContentEvaluator"}
            evaluator = getattr(evaluators, parts[case["kind"]])()
            # Past the type checker of its arguments, which wants a live driver's connection.
            call = getattr(type(evaluator).__call__, "__wrapped__", type(evaluator).__call__)
            return float(call(evaluator, trajectory, Path(file.name), page, None))
        except Exception as error:
            return f"{type(error).__name__}: {str(error).splitlines()[0][:100] if str(error) else ''}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), html="--without-browser" not in sys.argv)
