"""Forty problems of our own in HumanEval's format, with the shapes that its 164 come in."""

from __future__ import annotations

import textwrap
from typing import Any

__all__ = ["records"]


def records() -> list[dict[str, Any]]:
    """One record for each shape, then more of one shape that differ in a number."""
    made = [_record(number, *parts) for number, parts in enumerate(SHAPES)]
    return made + [_record(len(SHAPES) + n, *_numbered(n)) for n in range(40 - len(SHAPES))]


def _record(number: int, entry: str, prompt: str, body: str, test: str) -> dict[str, Any]:
    return {
        "task_id": f"Shapes/{number}",
        "prompt": textwrap.dedent(prompt),
        "entry_point": entry,
        "canonical_solution": textwrap.indent(textwrap.dedent(body).lstrip("\n"), "    "),
        "test": "\n\nMETADATA = {\n    'author': 'agentkit',\n}\n\n\n" + textwrap.dedent(test).lstrip("\n") + "\n",
    }


def _numbered(n: int) -> tuple[str, str, str, str]:
    k = n + 2
    prompt = f'''
    from typing import List


    def spread_{k}(values: List[int], step: int = {k}) -> List[int]:
        """ Every number of the list as often as it is a multiple of step.
        >>> spread_{k}([{k}, 1, {2 * k}])
        [{k}, {2 * k}, {2 * k}]
        """
    '''
    body = "return [value for value in values for _ in range(value // step if value % step == 0 else 0)]\n"
    test = f"""
    def check(candidate):
        assert candidate([]) == []
        assert candidate([{k}, 1, {2 * k}]) == [{k}, {2 * k}, {2 * k}]
        assert candidate([5, 10], step=5) == [5, 10, 10], "another step"
        assert candidate([{k + 1}]) == []
    """
    return f"spread_{k}", prompt, body, test


SHAPES: list[tuple[str, str, str, str]] = [
    # the tests use a function of the prompt, random numbers, copies and a tolerance
    (
        "root_near",
        '''
        import math


        def curve(xs: list, x: float):
            """ Value at x of the polynomial with coefficients xs. """
            return sum([c * math.pow(x, i) for i, c in enumerate(xs)])


        def root_near(xs: list):
            """ A root of a polynomial of odd degree whose leading coefficient is not zero.
            >>> round(root_near([-6, 1]), 2)
            6.0
            """
        ''',
        """
        low, high = -1., 1.
        while curve(xs, low) * curve(xs, high) > 0:
            low *= 2.0
            high *= 2.0
        while high - low > 1e-10:
            middle = (low + high) / 2.0
            if curve(xs, middle) * curve(xs, low) > 0:
                low = middle
            else:
                high = middle
        return low
        """,
        """
        def check(candidate):
            import math
            import random
            rng = random.Random(42)
            import copy
            for _ in range(100):
                coeffs = []
                for _ in range(2 * rng.randint(1, 4)):
                    coeff = rng.randint(-10, 10)
                    coeffs.append(coeff if coeff != 0 else 1)
                solution = candidate(copy.deepcopy(coeffs))
                assert math.fabs(curve(coeffs, solution)) < 1e-4
        """,
    ),
    # the inverse of a function of the prompt, on random texts
    (
        "unturn",
        '''
        def turn(s: str):
            """ Turns every three characters round. """
            groups = [s[(3 * i):min((3 * i + 3), len(s))] for i in range((len(s) + 2) // 3)]
            return "".join(groups[i][::-1] for i in range(len(groups)))


        def unturn(s: str):
            """ Takes a text that turn made, and gives the one it was made of. """
        ''',
        "return turn(s)\n",
        """
        def check(candidate):
            from random import randint, choice
            import string

            letters = string.ascii_lowercase
            for _ in range(100):
                str = ''.join(choice(letters) for i in range(randint(10, 20)))
                encoded_str = turn(str)
                assert candidate(encoded_str) == str
        """,
    ),
    # the tests call the function by its own name, too
    (
        "every_other",
        '''
        def every_other(l: list):
            """ The list with its elements at even places sorted, the others where they are.
            >>> every_other([5, 6, 3, 4])
            [3, 6, 5, 4]
            """
        ''',
        """
        evens = sorted(l[::2])
        return [evens[i // 2] if i % 2 == 0 else x for i, x in enumerate(l)]
        """,
        """
        def check(candidate):
            assert tuple(candidate([1, 2, 3])) == tuple(every_other([1, 2, 3]))
            assert tuple(candidate([5, 3, -5, 2])) == tuple(every_other([5, 3, -5, 2]))
            assert tuple(candidate([5, 6, 3, 4])) == tuple([3, 6, 5, 4])
        """,
    ),
    # floats with a tolerance
    (
        "fraction_of",
        '''
        def fraction_of(number: float) -> float:
            """ The part of a positive number after its point.
            >>> fraction_of(3.5)
            0.5
            """
        ''',
        "return number % 1.0\n",
        """
        def check(candidate):
            assert candidate(3.5) == 0.5
            assert abs(candidate(1.33) - 0.33) < 1e-6
            assert abs(candidate(123.456) - 0.456) < 1e-6
        """,
    ),
    # an import before the docstring, inside the function
    (
        "buckets_needed",
        '''

        def buckets_needed(grid, capacity):
            import math
            """
            How often a bucket that holds `capacity` has to be lowered into wells to empty them all.

            Example 1:
                Input: grid : [[0, 1], [1, 1]], capacity : 1
                Output: 3
            """
        ''',
        "return sum([math.ceil(sum(arr)/capacity) for arr in grid])\n",
        """
        def check(candidate):
            assert True, "This prints if this assert fails 1 (good for debugging!)"
            assert candidate([[0,0,1,0], [0,1,0,0], [1,1,1,1]], 1) == 6, "Error"
            assert candidate([[0,0,0], [0,0,0]], 5) == 0, "Error"
            assert candidate([[1,1,1,1], [1,1,1,1]], 9) == 2, "Error"
        """,
    ),
    # a constant before the function; None as a result
    (
        "digest_of",
        '''

        FIX = """
        More test cases.
        """

        def digest_of(text):
            """ The md5 hash of a text, in hexadecimal; None for an empty one. """
        ''',
        """
        import hashlib
        return hashlib.md5(text.encode('ascii')).hexdigest() if text else None
        """,
        """
        def check(candidate):
            assert candidate('Hello world') == '3e25960a79dbc69b674cd4ec67a72c62'
            assert candidate('') == None
            assert candidate('0 ef 78') is not None
        """,
    ),
    # results of several types
    (
        "larger_of",
        '''
        def larger_of(a, b):
            """ The larger of two numbers, each a number or a text such as "2,3", as it was given; None if equal. """
        ''',
        """
        first, second = (float(str(x).replace(",", ".")) for x in (a, b))
        if first == second:
            return None
        return a if first > second else b
        """,
        """
        def check(candidate):
            assert candidate(1, 2) == 2
            assert candidate(5, "5,5") == "5,5"
            assert candidate("1", 1) == None
            assert candidate("0", -1.5) == "0"
        """,
    ),
    # dictionaries with mixed keys; booleans
    (
        "one_case",
        '''
        def one_case(d):
            """ Whether all keys are texts of one case; an empty dictionary has none. """
        ''',
        """
        if not d or not all(isinstance(k, str) for k in d):
            return False
        return all(k.islower() for k in d) or all(k.isupper() for k in d)
        """,
        """
        def check(candidate):
            assert candidate({"p":"pineapple", "b":"banana"}) == True, "First test error"
            assert candidate({"p":"pineapple", 5:"banana", "a":"apple"}) == False
            assert candidate({}) == False
            assert candidate({"STATE":"NC", "ZIP":"12345" }) == True
        """,
    ),
    # dictionaries as results
    (
        "most_often",
        '''
        def most_often(test):
            """ The letters that occur most often in a text of letters separated by blanks, with their counts. """
        ''',
        """
        from collections import Counter
        counts = Counter(test.split())
        return {k: v for k, v in counts.items() if v == max(counts.values())}
        """,
        """
        def check(candidate):
            assert candidate('a b b a') == {'a':2,'b': 2}, "This prints if this assert fails 1"
            assert candidate('') == {}
            assert candidate('r t g') == {'r': 1,'t': 1,'g': 1}
        """,
    ),
    # tuples in lists, and None in tuples
    (
        "places_of",
        '''
        def places_of(lst, x):
            """ (row, column) of every x in a list of rows, and the first row without one (None if there is none). """
        ''',
        """
        coords = [(i, j) for i in range(len(lst)) for j in range(len(lst[i])) if lst[i][j] == x]
        without = [i for i, row in enumerate(lst) if x not in row]
        return sorted(coords, key=lambda c: (c[0], -c[1])), (without[0] if without else None)
        """,
        """
        def check(candidate):
            assert candidate([[1, 2], [2], [3]], 2) == ([(0, 1), (1, 0)], 2)
            assert candidate([], 1) == ([], None)
            assert candidate([[], [1], [1, 2, 1]], 1) == ([(1, 0), (2, 2), (2, 0)], 0)
        """,
    ),
    # an argument that is changed in place
    (
        "keep_short",
        '''
        from typing import List, Any, Optional


        def keep_short(words: List[str], limit: Optional[int] = 3) -> List[Any]:
            """ Removes the words longer than limit from the list itself, and gives those removed. """
        ''',
        """
        removed = [w for w in words if len(w) > limit]
        words[:] = [w for w in words if len(w) <= limit]
        return removed
        """,
        """
        def check(candidate):
            words = ['a', 'long', 'one', 'longer']
            assert candidate(words) == ['long', 'longer']
            assert words == ['a', 'one']
            assert candidate(words, 1) == ['one'] and words == ['a']
        """,
    ),
    # eval in the solution, large numbers, inner functions
    (
        "reckon",
        '''
        def reckon(operator, operand):
            """ The value of operands joined by operators, by the usual rules.
            >>> reckon(['+', '*'], [2, 3, 4])
            14
            """
        ''',
        """
        def joined():
            expression = str(operand[0])
            for oprt, oprn in zip(operator, operand[1:]):
                expression += oprt + str(oprn)
            return expression
        return eval(joined())
        """,
        """
        def check(candidate):
            assert candidate(['**', '*', '+'], [2, 3, 4, 5]) == 37
            assert candidate(['**'], [7, 600]) == 7 ** 600
            assert candidate(['//', '-'], [7, 3, 4]) == -2
        """,
    ),
    # helpers in the prompt that nobody calls from the tests; lines and tabs in texts
    (
        "without_vowels",
        '''
        def is_vowel(c: str) -> bool:
            """ Test a letter """
            return c.lower() in "aeiou"


        def without_vowels(text):
            """
            without_vowels is a function that takes a text and leaves out its vowels.
            >>> without_vowels('')
            \'\'
            >>> without_vowels("abcdef\\\\nghijklm")
            'bcdf\\\\nghjklm'
            """
        ''',
        'return "".join([s for s in text if not is_vowel(s)])\n',
        """
        def check(candidate):
            assert candidate('') == ''
            assert candidate("abcdef\\nghijklm") == 'bcdf\\nghjklm'
            assert candidate('ybcd\\tü€😀') == 'ybcd\\tü€😀'
        """,
    ),
    # mixed values in lists, and floats that have to be equal
    (
        "numbers_in",
        '''
        from typing import List, Any


        def numbers_in(values: List[Any]) -> List[float]:
            """ The numbers among some values, halved. """
        ''',
        "return [x / 2 for x in values if isinstance(x, (int, float)) and not isinstance(x, bool)]\n",
        """
        def check(candidate):
            assert candidate([4, {}, [], 23.2, 9, 'adasd', None, (1, 2), {3}, True]) == [2.0, 11.6, 4.5]
            assert candidate([float('inf'), -0.0]) == [float('inf'), 0.0]
        """,
    ),
    # generators and functions as arguments, errors that have to be raised
    (
        "first_that",
        '''
        def first_that(values, holds):
            """ The first of any values for which a function holds. LookupError where there is none. """
        ''',
        """
        for value in values:
            if holds(value):
                return value
        raise LookupError("none")
        """,
        """
        def check(candidate):
            assert candidate((n * n for n in range(10)), lambda n: n > 10) == 16
            assert candidate(["a", "bb"], len) == "a"
            try:
                candidate([], bool)
            except LookupError:
                pass
            else:
                assert False, "it has to raise LookupError"
        """,
    ),
    # random numbers without a seed
    (
        "added",
        '''
        def added(x: int, y: int):
            """ Adds two numbers.
            >>> added(2, 3)
            5
            """
        ''',
        "return x + y\n",
        """
        def check(candidate):
            import random

            assert candidate(0, 1) == 1
            for i in range(100):
                x, y = random.randint(0, 1000), random.randint(0, 1000)
                assert candidate(x, y) == x + y
        """,
    ),
]
