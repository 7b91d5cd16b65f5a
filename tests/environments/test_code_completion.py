"""A completion is the rest of a prompt, or a whole program, or has one of these between fences."""

from __future__ import annotations

import pytest

from environments.code.inside.sides import whole_program
from tests.environments.coding import passes, why

HEAD = "import math\n\ndef helper(x):\n    return x + 1\n\ndef f(x):\n    '''Say.'''\n"


WAYS = [
    "    return helper(x)\n",
    "    return helper(x)",
    "\n    y = helper(x)\n    return y\n\n\ndef unused():\n    pass\n",
    "return helper(x)",
    "def f(x):\n    return helper(x)\n",
    "def g(x): return helper(x)\ndef f(x): return g(x)",
    HEAD + "    return helper(x)\n",
    "    return helper(x)\n\nif __name__ == '__main__':\n    print(f(1))\n    raise SystemExit\n",
    "Here it is:\n```python\ndef f(x):\n    return helper(x)\n```\nDone.",
    "```\n    return helper(x)\n```",
    "f = helper",
    "from math import floor\nf = lambda x: floor(x) + 1",
    "class f:\n    def __new__(cls, x): return x + 1\n",
    "    '''More.'''\n    def inner(y):\n        return helper(y)\n    return inner(x)\n",
]


@pytest.mark.parametrize("text", WAYS)
def test_a_completion_may_be_the_body_or_the_whole_or_between_fences(text):
    assert passes(text, "assert candidate(1) == 2", prompt=HEAD)


def test_a_prompt_may_end_with_the_head_alone():
    for text in ("    return x + 1", "return x + 1", "def f(x): return x + 1"):
        assert passes(text, "assert candidate(1) == 2", prompt="def f(x):\n")
        assert passes(text, "assert candidate(1) == 2", prompt="def f(x):\n    # a comment\n")


def test_a_text_that_fits_in_no_way_fails_with_its_own_error():
    assert "SyntaxError" in why("    return (x\n", "candidate(1)", prompt=HEAD)
    assert "SyntaxError" in why("def f(x)\n    return 1", "candidate(1)", prompt=HEAD)
    assert "defines no 'f'" in why("def g(x): return 1", "candidate(1)")
    assert why("", "assert candidate(1) == 2", prompt=HEAD)
    assert whole_program("x = 1", prompt="", entry="") == ["", "x = 1"]


def test_a_report_names_the_line_that_failed():
    assert why("def f(x): return x", "a = 1\nassert candidate(a) == 2, 'off by one'").endswith(
        "AssertionError: off by one; at: assert candidate(a) == 2, 'off by one'"
    )
    assert "ZeroDivisionError" in why("def f(x): return 1 / x", "candidate(0)")
    assert "could not be loaded: ZeroDivisionError" in why("1 / 0", "candidate(0)")


def test_a_solution_has_only_the_imports_of_its_own_and_of_the_prompt():
    assert "name 'List' is not defined" in why("def f(x: List): return x", "candidate(1)")
    assert passes("def f(x: List): return x", "assert candidate(1) == 1", prompt="from typing import List\n")
    assert passes(
        "from __future__ import annotations\ndef f(x: List): return x", "assert candidate(1) == 1", prompt=HEAD
    )
    assert "name 'math' is not defined" in why("import math\ndef f(x): return x", "math.floor(candidate(1))")


def test_what_was_asked_for_is_the_solutions_even_where_the_prompt_has_a_beginning_of_it():
    box = "class Box:\n    n = 0\n    def add(self):\n        self.n += 1\n        return self.n\n"
    test = "box = Box()\nassert box.add() == 1 and box.add() == 2"
    assert passes(box, test, entry="Box", classes=("Box",), prompt="class Box:\n    '''To be written.'''\n")
    assert "no 'f'" in why("def f(x): return 1\ndel f", "candidate(1)", prompt=HEAD)
