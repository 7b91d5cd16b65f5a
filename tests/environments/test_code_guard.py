"""The solution reaches nothing of its test but what it was given, and no answer of it makes a failing test pass."""

from __future__ import annotations

import pytest

from environments.code.inside.sides import run_test
from tests.environments.coding import meet, passes


@pytest.mark.parametrize(
    ("given", "attempt"),
    [
        ("lambda: 1", "g.__globals__"), ("lambda: 1", "g._tie.peer.ask('get', g, '__globals__')"),
        ("lambda: 1", "g._tie.peer.ask('special', g, '__getattribute__', '__globals__')"),
        ("lambda: 1", "g._tie.peer.ask('special', g, '__getattribute__', '__name__')"),
        ("lambda: 1", "g._tie.peer.ask('special', g, '__reduce__')"),
        ("lambda: 1", "g._tie.peer.ask('get', g, 'func_globals')"), ("(x for x in [1])", "g.gi_frame"),
        ("(x for x in [1])", "g.gi_code"), ("Helper()", "g._secret"), ("Helper().method", "g.__func__"),
        ("Helper()", "type(g).__init__.__globals__['SECRET']"), ("Helper()", "g.__dict__"), ("Helper", "g.mro"),
        ("lambda: 1", "g._tie.peer.ask('special', len, '__call__', 'abc')"),
        ("lambda: 1", "g._tie.peer.ask('get', 'text', 'upper')"), ("lambda: 1", "g._tie.peer.ask('load')"),
        ("lambda: 1", "g._tie.peer.ask('look_up', 'SECRET')"), ("Helper()", "setattr(g, '__class__', int)"),
        ("lambda: 1", "g._tie.peer.resolve('mine', 1, 'x', [], []).open"), ("Helper()", "g.module"),
        ("Helper()", "g.frame"),
    ],
)  # fmt: skip
def test_a_solution_reaches_nothing_of_the_test_but_what_it_was_given(given, attempt):
    setup = """
import sys, types
SECRET = 'the expected result'
class Helper:
    _secret = SECRET
    module = sys
    def __init__(self): self.frame = sys._getframe()
    def method(self): return 1
"""
    tried = f"['got', {attempt}]"
    solution = (
        f"def f(g):\n    try:\n        return {tried}\n    except BaseException as error:\n        return [str(error)]"
    )
    report = meet(solution, f"result = candidate({given})\nassert result[0] != 'got', result", setup=setup)
    assert report == {"passed": True, "why": ""}


def test_public_attributes_of_an_instance_can_be_read_and_set():
    setup = """
class Point:
    def __init__(self): self.x = 1
    def up(self): self.x += 1
    def __len__(self): return 4
"""
    solution = "def f(p):\n    p.up()\n    p.x += 5\n    p.new = [len(p), p == p]\n    return p"
    assert passes(solution, "p = Point()\nassert candidate(p) is p and p.x == 7 and p.new == [4, True]", setup=setup)


def test_what_the_test_says_and_expects_is_not_in_what_crosses():
    said: list[str] = []
    test = "expected_number = 41\nhelper_of_test = lambda: 0\nassert candidate(40) + 1 == expected_number"
    report = meet("def f(x): return x", test, overhear=said.append)
    assert report["passed"]
    heard = " ".join(said)
    assert "40" in heard
    assert not [word for word in ("41", "expected_number", "helper_of_test", "assert") if word in heard]


GREETING = (
    '{"value": ["thing", 5], "things": [["dict", ["f", ["mine", 0, "function", ["__call__"], []]]]], "failed": false}'
)


@pytest.mark.parametrize("greeted", [False, True])
@pytest.mark.parametrize(
    "reply",
    [
        "[]",
        "3",
        "{",
        "",
        "[" * 100_000,
        '{"value": 1}',
        '{"value": 1, "things": [], "failed": true}',
        '{"value": ["thing", 99], "things": [], "failed": false}',
        '{"value": ["mine", 9], "things": [], "failed": false}',
        '{"value": ["yours", -1], "things": [], "failed": false}',
        '{"value": ["object"], "things": [], "failed": false}',
        '{"value": ["range", 1, 2, "x"], "things": [], "failed": false}',
        '{"value": ["module", "os"], "things": [], "failed": false}',
        '{"value": ["of", "random", "_os"], "things": [], "failed": false}',
        '{"value": ["of", "json", "codecs"], "things": [], "failed": false}',
        '{"value": ["of", "os", "system"], "things": [], "failed": false}',
        '{"value": ["global", "eval"], "things": [], "failed": false}',
        '{"value": 1, "things": [["list", [1]]], "changed": [[9, "list", []]], "failed": false}',
        '{"value": 1, "things": [], "changed": [[-1, "list", []]], "failed": false}',
        '{"value": 1, "things": [], "changed": [[0, "dict", []]], "failed": false}',
        '{"value": ["error", "X", "int", ["tuple"], "", []], "things": [], "failed": true}',
        '{"value": 1, "things": [["object", ["Tree", "__class__", 1]]], "failed": false}',
        '{"value": 1, "things": [["object", ["Node", "__class__", 1]]], "failed": false}',
        '{"value": 1, "things": [["object", ["Node", "__eq__", 1]]], "failed": false}',
    ],
)
def test_an_answer_that_makes_no_sense_fails_even_a_test_that_catches_everything(reply, greeted):
    replies = iter([GREETING] if greeted else [])
    test = "try:\n    candidate(1)\nexcept Exception:\n    pass"
    report = run_test(lambda message: next(replies, reply), test=test, names=["f"], prompt="class Node: pass")
    assert report["passed"] is False
    assert "BorderBroken" in report["why"] or not greeted


def test_a_good_answer_in_the_same_place_passes():
    replies = iter([GREETING, '{"value": 2, "things": [], "changed": [], "failed": false}'])
    report = run_test(lambda message: next(replies), test="assert candidate(1) == 2", names=["f"])
    assert report == {"passed": True, "why": ""}
