"""What crosses between a solution and its test, and what does not.

Guarantees: plain data arrives as it left; arguments that the solution changed are changed for the test; what is no
plain data behaves over there as it does at home, but is never equal to plain data.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environments.code.inside.parcel import Parcel
from environments.code.inside.peer import Peer
from tests.environments.coding import passes, why

VALUES = """[
    None, True, False, 0, -1, 2**62, 2**63, -2**63, 2**200, 10**5000, 1.5, -0.0, float('inf'), -float('inf'), 1e308,
    5e-324, 1 + 2j, complex(-0.0, 1), '', 'a\\x00b', 'é', chr(0xd800) + chr(0xdfff) + 'x', chr(0x10ffff), b'',
    bytes(range(256)),
    (), (1,), ((1, (2,)),), [], [[1], [2, [3]]], {}, {1: 2, (1, 2): [3], None: {}, 'k': (4,), 1.5: b'x'}, set(),
    {1, 'a', (2,)}, frozenset(), frozenset([frozenset([1]), 2]), range(3), range(10**30, 0, -2), slice(1, None, 2), ...,
    bytearray(b'ab'), Decimal('1.50'), Decimal('-Infinity'), Fraction(-1, 3), date(2024, 2, 29), time(1, 2, 3, 4),
    datetime(2020, 1, 1, tzinfo=timezone.utc), datetime(1, 1, 1, 0, 0, 0, 1), timedelta(-1, 5, 7),
    timezone(timedelta(hours=-3)), deque([1, [2]]), Counter('aab'), OrderedDict([('b', 1), ('a', 2)]), int, len,
    ValueError,
]"""
IMPORTS = """
from collections import Counter, OrderedDict, deque, defaultdict, namedtuple
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
import math, sys
getattr(sys, 'set_int_max_str_digits', id)(0)
"""
SAME = """
def same(a, b):
    assert type(a) is type(b), (a, b)
    assert repr(a) == repr(b) if not isinstance(a, (set, frozenset)) else a == b, (a, b)
    return True
"""

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers() | st.booleans(), inner)
    ),
    max_leaves=20,
)


def sent(value: object) -> object:
    """The value after it crossed in a message."""
    message = json.loads(json.dumps(Parcel(Peer(str)).write(value)))
    return Parcel(Peer(str)).read(message)


# ---- plain data


def test_every_kind_of_plain_data_comes_back_as_it_was_and_is_the_same_thing():
    test = f"values = {VALUES}\nfor value in values:\n    same(candidate(value), value)\n"
    test += "thing = [1]\nassert candidate(thing) is thing"
    assert passes(f"{IMPORTS}\ndef f(x): return x", test, setup=IMPORTS + SAME)


def test_every_kind_of_plain_data_can_be_a_result():
    test = f"for got, wanted in zip(candidate(), {VALUES}, strict=True):\n    same(got, wanted)"
    assert passes(f"{IMPORTS}\ndef f(): return {VALUES}", test, setup=IMPORTS + SAME)
    assert passes("def f(): return float('nan')", "assert math.isnan(candidate())", setup=IMPORTS)


@given(plain)
@settings(max_examples=150, deadline=None)
def test_any_plain_value_crosses(value):
    assert repr(sent(value)) == repr(value)


def test_shared_and_circular_things_keep_their_shape():
    loop: list[object] = [1]
    loop.append(loop)
    both = sent([loop, loop, {"x": loop}])
    assert both[0] is both[1] is both[2]["x"] is both[0][1]
    deep: list[object] = []
    for _ in range(50_000):
        deep = [deep]
    levels, inner = 0, sent(deep)
    while inner:
        inner, levels = inner[0], levels + 1
    assert levels == 50_000


def test_collections_of_the_standard_library_are_what_they_say():
    assert passes(
        f"{IMPORTS}\nP = namedtuple('P', 'x y')\n"
        "def f():\n    d = defaultdict(list)\n    d['a'].append(1)\n    return P(1, [2]), d, {1: 2}.keys()",
        "point, d, keys = candidate()\n"
        "assert point == (1, [2]) and point.y == [2] and type(point).__name__ == 'P'\n"
        "d['b'].append(2)\nassert d == {'a': [1], 'b': [2]}\nassert keys == {1} and keys & {1, 3} == {1}",
    )


def test_a_subclass_of_plain_data_arrives_as_what_it_is_made_of():
    assert passes(
        "import enum\nclass Level(enum.IntEnum):\n    HIGH = 3\n"
        "class Text(str):\n    def __eq__(self, other): return True\n    __hash__ = str.__hash__\n"
        "class Bag(list):\n    pass\n"
        "def f(): return [Level.HIGH, Text('t'), Bag([1]), True]",
        "level, text, bag, yes = candidate()\n"
        "assert type(level) is int and level == 3 and type(text) is str and text != 'u' and type(bag) is list\n"
        "assert yes is True",
    )


# ---- what the solution does to its arguments


def test_arguments_that_are_changed_in_place_are_changed_for_the_test():
    solution = """
def f(a, b, c, d, e):
    a.append(len(a)); a[0].sort(); b['new'] = a; c.add(9); d.extend(b'z'); e.rotate(1)
    return a
"""
    test = """
from collections import deque
inner = [3, 1]
a, b, c, d, e = [inner], {'old': 1}, {1}, bytearray(b'a'), deque([1, 2])
result = candidate(a, b, c, d, e)
assert result is a and a[0] is inner and a == [[1, 3], 1]
assert b['new'] is a and c == {1, 9} and d == b'az' and list(e) == [2, 1]
"""
    assert passes(solution, test)


def test_keyword_arguments_cross_and_what_is_not_changed_stays():
    assert passes(
        "def f(a, *, b=2, **more): return [a, b, more]", "assert candidate(1, b=[3], c=4) == [1, [3], {'c': 4}]"
    )
    assert passes("def f(a): return sorted(a)", "a = [2, 1]\nassert candidate(a) == [1, 2] and a == [2, 1]")


def test_no_name_of_a_keyword_argument_is_taken():
    words = "self, operation, target, name, operands, named, method"
    call = ", ".join(f"{word}={n}" for n, word in enumerate(words.split(", ")))
    assert passes(f"def f({words}): return [{words}]", f"assert candidate({call}) == [0, 1, 2, 3, 4, 5, 6]")


def test_a_failing_call_still_brings_its_changes():
    assert passes(
        "def f(a):\n    a.clear()\n    raise ValueError('x')",
        "a = [1]\ntry:\n    candidate(a)\nexcept ValueError:\n    pass\nassert a == []",
    )


# ---- exceptions


@pytest.mark.parametrize(
    "error",
    ["ValueError('a', 1)", "KeyError('k')", "StopIteration(3)", "OSError(2, 'no')", "ZeroDivisionError()",
     "UnicodeDecodeError('utf-8', b'x', 0, 1, 'why')", "AssertionError('e')", "RecursionError('deep')"],
)  # fmt: skip
def test_built_in_exceptions_are_raised_as_themselves(error):
    test = f"""
wanted = {error}
try:
    candidate()
except type(wanted) as got:
    assert type(got) is type(wanted) and str(got) == str(wanted) and got.args == wanted.args, got
else:
    raise RuntimeError('nothing was raised')
"""
    assert passes(f"def f(): raise {error}", test)


def test_an_exception_of_the_solutions_own_can_be_caught_by_name_and_by_what_is_above_it():
    solution = """
class Empty(LookupError):
    def __init__(self, name, code): self.code = code; super().__init__(name)
    def __str__(self): return f'no {self.args[0]}'
def f(): raise Empty('fish', 3)
"""
    test = """
for kind in (Empty, LookupError):
    try:
        candidate()
    except kind as got:
        assert type(got).__name__ == 'Empty' and str(got) == 'no fish' and got.code == 3 and got.args == ('fish',)
    else:
        raise RuntimeError
"""
    assert passes(solution, test, also=("Empty",))


def test_leaving_by_exit_is_no_success():
    assert "SystemExit" in why("import sys\ndef f(): sys.exit(0)", "candidate()")
    assert "SystemExit" in why("raise SystemExit(0)", "candidate()")
    assert "KeyboardInterrupt" in why("def f(): raise KeyboardInterrupt", "candidate()")


# ---- objects, functions, iterators

DECEIVER = """
class Deceiver:
    def __getattr__(self, name): return lambda *a: True
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __contains__ = __lt__
    def __hash__(self): return 5
    def __sub__(self, other): return 0.0
    __rsub__ = __add__ = __radd__ = __mod__ = __rmod__ = __and__ = __rand__ = __xor__ = __or__ = __isub__ = __sub__
    def __abs__(self): return 0.0
    def __bool__(self): return True
    def __instancecheck__(self, other): return True
    def __iter__(self): return iter(())
    __class__ = int
"""


@pytest.mark.parametrize(
    "test",
    ["assert candidate(1) == 5", "assert 5 == candidate(1)", "assert not candidate(1) != 5", "assert candidate(1) > 3",
     "assert 3 < candidate(1)", "assert 0 <= candidate(1) <= 9", "assert abs(candidate(1) - 4.5) < 1e-6",
     "import math\nassert math.fabs(4.5 - candidate(1)) < 1e-6", "assert candidate(1) in [4, 5]",
     "assert candidate(1) in {5: 1}", "assert [candidate(1)] == [5]", "assert (candidate(1),) == (5,)",
     "assert {'a': candidate(1)} == {'a': 5}", "assert sum([candidate(1)]) == 5", "assert max(candidate(1), 4) == 5",
     "assert isinstance(candidate(1), int)", "assert 7 in candidate(1)", "x = candidate(1)\nx -= 5\nassert x == 0",
     "assert candidate(1) is True", "assert not candidate(1) ^ 5", "assert sorted([candidate(1), 3]) == [3, 5]",
     "assert candidate(1) == 'five'", "import math\nassert math.isclose(candidate(1), 4.5)",
     "import copy\nassert copy.deepcopy(candidate(1)) == 5", "assert candidate(1) == [1, 2]",
     "assert list(candidate(1)) == [1]", "assert candidate(1) % 2 == 0", "assert str(candidate(1)) == '5'"],
)  # fmt: skip
@pytest.mark.parametrize("way", ["function", "class", "metaclass"])
def test_an_object_made_to_please_pleases_no_test(test, way):
    solution = DECEIVER
    solution += {
        "function": "def f(x): return Deceiver()",
        "class": "class f(Deceiver):\n    def __init__(self, x): pass",
        "metaclass": "class Kind(type, ):\n    __eq__ = lambda s, o: True\n    __hash__ = type.__hash__\n"
        "class D(Deceiver, metaclass=Kind): pass\ndef f(x): return D()",
    }[way]
    assert why(solution, test)


def test_plain_containers_that_deceive_are_plain_on_arrival():
    solution = """
class Any(list):
    def __eq__(self, other): return True
    def __iter__(self): return iter([5])
class Number(int):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0
    def __abs__(self): return 0
def f(x): return Number(1) if x else Any()
"""
    assert why(solution, "assert candidate(0) == [5]")
    assert why(solution, "assert candidate(1) == 5")
    assert why(solution, "assert abs(candidate(1) - 5) < 1e-3")


def test_functions_cross_both_ways_and_call_each_other_in_turn():
    assert passes(
        "def f(g, xs): return sorted(xs, key=g)",
        "assert candidate(lambda v: -candidate(abs, [v])[0], [1, 3, 2]) == [3, 2, 1]",
    )
    assert passes("def f(n): return lambda m: n + m", "assert candidate(2)(3) == 5")
    assert passes("def f(g):\n    try:\n        g()\n    except KeyError as e:\n        return e.args", """
def fail(): raise KeyError('inner')
assert candidate(fail) == ('inner',)
""")  # fmt: skip
    assert passes(
        "def f(key, xs): return [key is len, max(xs, key=key)]", "assert candidate(len, ['a', 'bb']) == [True, 'bb']"
    )


def test_iterators_are_as_lazy_as_at_home():
    endless = "def f():\n    n = 0\n    while True:\n        n += 1\n        yield n"
    test = """
import itertools
numbers = candidate()
assert iter(numbers) is numbers and next(numbers) == 1 and list(itertools.islice(numbers, 3)) == [2, 3, 4]
assert numbers != [5] and 7 in numbers and next(numbers) == 8
"""
    assert passes(endless, test)
    assert passes("def f(xs): return [next(xs), list(xs)]", "assert candidate(x * x for x in [1, 2, 3]) == [1, [4, 9]]")
    assert passes("def f(d): return d.items()", "assert list(candidate({1: 2})) == [(1, 2)]")


SHAPES = """
class Vector:
    count = 0
    def __init__(self, x, y): self.x, self.y = x, y
    def __add__(self, o): return Vector(self.x + o.x, self.y + o.y)
    def __mul__(self, n): return Vector(self.x * n, self.y * n)
    __rmul__ = __mul__
    def __eq__(self, o): return isinstance(o, Vector) and (self.x, self.y) == (o.x, o.y)
    def __lt__(self, o): return self.length() < o.length()
    def __hash__(self): return hash((self.x, self.y))
    def __len__(self): return 2
    def __getitem__(self, n): return (self.x, self.y)[n]
    def __setitem__(self, n, v): setattr(self, 'xy'[n], v)
    def __repr__(self): return f'Vector({self.x}, {self.y})'
    def __call__(self): return 'called'
    def __enter__(self): return self
    def __exit__(self, kind, error, trace): return kind is KeyError
    def __float__(self): return float(self.x)
    def length(self): return abs(self.x) + abs(self.y)
    @classmethod
    def zero(cls): return cls(0, 0)
    @property
    def double(self): return self * 2
def f(v): return v.length()
"""


def test_a_class_that_the_problem_asks_for_can_be_used_as_at_home():
    test = """
import copy
a, b = Vector(1, 2), Vector(3, -4)
assert a + b == Vector(4, -2) and a != b and a < b and a * 3 == 3 * a == Vector(3, 6) and a.double == a + a
assert (a.x, a[1], len(a), repr(a), str(b), a(), float(a)) == (1, 2, 2, 'Vector(1, 2)', 'Vector(3, -4)', 'called', 1.0)
assert f(b) == 7 and isinstance(a, Vector) and not isinstance(3, Vector) and Vector.zero().length() == 0
assert sorted([b, a])[0] is a and list(a) == [1, 2] and (a == 1) is False and a.length() == 3
a.x = 7
a[1] = 8
twin = copy.copy(a)
a.x = 0
assert (twin.x, twin.y) == (7, 8)
with a as same:
    assert same is a
    raise KeyError
Vector.count += 1
assert Vector.count == 1 and not hasattr(a, 'colour')
del a.x
assert not hasattr(a, 'x')
try:
    a < 3
except AttributeError:
    pass
else:
    raise RuntimeError
"""
    assert passes(SHAPES, test, classes=("Vector",))


def test_tests_may_set_up_objects_of_the_solutions_classes():
    assert passes(
        "class Node:\n    def __init__(self, v): self.v = v; self.next = None\n"
        "def f(n): return 0 if n is None else n.v + f(n.next)",
        "assert f(root) == 3 and root.next.v == 2",
        setup="root = Node(1)\r\nroot.next = Node(2)",
        classes=("Node",),
    )


PROMPT = """
import enum
from typing import List
class Tree:
    def __init__(self, value, left=None): self.value, self.left = value, left
class Colour(enum.Enum):
    RED = 1
LIMIT = 3
def twice(x): return 2 * x
def f(tree, colour=None):
    ''' to be written '''
"""


def test_instances_of_the_prompts_classes_cross_as_copies_and_keep_their_identity():
    body = "    tree.left = Tree(5)\n    tree.left.left = tree\n    return tree.left\n"
    test = """
tree = Tree(1)
made = candidate(tree)
assert type(made) is Tree and tree.left is made and made.left is tree and made.value == 5
"""
    assert passes(body, test, prompt=PROMPT)
    assert passes(
        "    return [colour, colour is Colour.RED]\n",
        "assert candidate(1, Colour.RED) == [Colour.RED, True]",
        prompt=PROMPT,
    )


def test_what_the_prompt_defines_is_the_tests_own():
    body = "    return tree\ntwice = lambda x: 4\nLIMIT = 1\nlen = lambda x: 4\nassert_ = 1\n"
    assert passes(body, "assert twice(3) == 6 and LIMIT == 3 and len([1]) == 1 and candidate(1) == 1", prompt=PROMPT)
    assert why("def f(x): return 3\nsorted = abs = lambda *a: 3", "assert sorted([2]) == 3")
    assert "NameError" in why("def f(x): return 3\ndef g(x): return 1", "assert g(1)")
    assert passes("def f(x): return 3\ndef g(x): return 1", "assert g(1)", also=("g",))
    assert "no 'f'" in why("def candidate(x): return 1", "assert candidate(1) == 1")
