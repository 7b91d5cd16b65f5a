"""The learning plot: what it draws is what was measured, and it says how."""

import subprocess
import sys

import pytest

from agentkit.evaluate import compare, wilson
from agentkit.plot import learning_figure, learning_plot
from environments.contracts import Score
from memory.study import Summary


def run(task, seed, success):
    return Summary(
        id=f"s/{task}/{seed}", task_id=task, family=f"s/{task}", suite="s", split="heldout", seed=seed, agent="react",
        model="m", score=Score(value=float(success), success=success, source="environment"),
    )  # fmt: skip


def outcomes(*solved):
    """Tasks a, b, … of four seeds each, the first so many of which are solved."""
    return [run("abcdef"[index], seed, seed < count) for index, count in enumerate(solved) for seed in range(4)]


ROUNDS = [("before", outcomes(0, 2, 4)), ("memory", outcomes(3, 1, 4)), ("tuned", outcomes(4, 3, 4))]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_the_success_panel_shows_rates_and_wilson_intervals_from_0_to_1():
    success = learning_figure(ROUNDS).axes[0]
    assert success.get_ylim() == (0.0, 1.0)
    assert texts(success) == ["50%", "67%", "92%"]
    bars = [bar.get_segments()[0][:, 1] for bar in success.collections]
    assert bars == [pytest.approx(wilson(solved, 12)) for solved in (6, 8, 11)]
    assert [label.get_text() for label in success.get_xticklabels()] == [
        "before\n6 of 12",
        "memory\n8 of 12",
        "tuned\n11 of 12",
    ]
    assert "Wilson 95%" in success.get_ylabel()


def test_the_gain_panel_shows_the_paired_comparison_with_the_first_round():
    gains = learning_figure(ROUNDS, seed=2).axes[1]
    told = [compare(ROUNDS[0][1], later, seed=2) for _, later in ROUNDS[1:]]
    bars = [bar.get_segments()[0][:, 0] for bar in gains.collections]
    assert bars == [pytest.approx(comparison.interval) for comparison in told]
    assert texts(gains) == ["+17 points, p = 1.000", "+42 points, p = 0.500"]
    low, high = gains.get_xlim()
    assert low == -high, "zero stays in the middle"
    assert "bootstrap over tasks" in gains.get_xlabel()
    assert "n = 12 pairs" in gains.get_yticklabels()[0].get_text()


def test_the_task_panel_has_every_task_and_round_with_the_largest_gain_first():
    tasks = learning_figure(ROUNDS).axes[2]
    assert [label.get_text() for label in tasks.get_yticklabels()] == ["a", "b", "c"]
    drawn = [list(points.get_offsets()[:, 0]) for points in tasks.collections]
    assert drawn == [[0.0, 0.5, 1.0], [0.75, 0.25, 1.0], [1.0, 0.75, 1.0]]
    heights = {tuple(points.get_offsets()[:, 1]) for points in tasks.collections}
    assert len(heights) == 3, "equal rates do not hide one another"
    assert [text.get_text() for text in tasks.get_legend().get_texts()] == ["before", "memory", "tuned"]


def test_a_round_that_knows_other_tasks_is_drawn_where_it_has_some():
    tasks = learning_figure([("one", outcomes(1, 2)), ("two", outcomes(3))]).axes[2]
    assert [label.get_text() for label in tasks.get_yticklabels()] == ["a", "b"]
    assert list(tasks.collections[1].get_offsets()[:, 0]) == [0.75]


def test_one_round_says_that_there_is_nothing_to_compare():
    assert texts(learning_figure(ROUNDS[:1]).axes[1]) == ["one round only: nothing to compare"]


def test_a_certain_gain_names_its_interval():
    gains = learning_figure([("before", outcomes(0, 0)), ("after", outcomes(4, 4))]).axes[1]
    assert "Newcombe" in gains.get_xlabel()


def test_the_files_are_pictures_and_the_same_each_time(tmp_path):
    first = learning_plot(ROUNDS, tmp_path / "one.png", title="A title")
    again = learning_plot(ROUNDS, tmp_path / "two.svg", title="A title")
    assert first.png == tmp_path / "one.png"
    assert again.svg == tmp_path / "two.svg"
    assert first.png.read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in first.svg.read_bytes()
    assert first.svg.read_bytes() == again.svg.read_bytes()
    assert first.png.read_bytes() == again.png.read_bytes()


@pytest.mark.parametrize("rounds", [[], [("before", [])], [("before", outcomes(1)), ("after", [])]])
def test_rounds_without_outcomes_are_refused(rounds):
    with pytest.raises(ValueError, match="need some in each"):
        learning_figure(rounds)


def test_without_matplotlib_the_message_says_what_to_install():
    """In a fresh process that cannot find matplotlib; importing the module needs none."""
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from agentkit.plot import learning_plot\n"
        "from sandbox import MissingDependencyError\n"
        f"sys.path.insert(0, {str(__file__.rpartition('/')[0])!r})\n"
        "from test_plot import ROUNDS\n"
        "try: learning_plot(ROUNDS, 'x.png')\n"
        "except MissingDependencyError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "plots need matplotlib: pip install 'agentkit[plot]'\n", done.stderr
