"""What the pilot reads out of a goal."""

import pytest

from agentkit.models.goal import goal_pattern, read_goal, words


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ('Enter "Ignacio" into the text field and press Submit.', ["Ignacio"]),
        ("Select abc, def and click Submit.", ["abc", "def"]),
        ("Select ghF and click Submit.", ["ghF"]),
        ("Enter 04/21/2015 as the date and hit submit.", ["04/21/2015"]),
        ("Enter 6:09 AM as the time and press submit.", ["6:09 AM"]),
        ("Click button ONE, then click button TWO.", ["ONE", "TWO"]),
        ("Select Cambodia from the list and click Submit.", ["Cambodia"]),
        ("Book the shortest one-way flight from: LA to: Hoonah, AK on 12/06/2016.", ["LA", "Hoonah, AK", "12/06/2016"]),
        ('Enter the username "kris" and the password "y7" into the text fields and press login.', ["kris", "y7"]),
        ('Enter an item that starts with "Ke" and ends with "ia".', ["Ke", "ia"]),
        ("Find the email by Trixi and click the trash icon to delete it.", ["Trixi"]),
    ],
)
def test_pieces_of_the_goal_are_found_in_order(text: str, spans: list[str]) -> None:
    goal = read_goal(text)
    assert [span.text for span in goal.spans] == spans
    assert all(text[span.start :].startswith(span.text) for span in goal.spans)


def test_ordinals_are_numbers_and_never_pieces() -> None:
    goal = read_goal('Enter "Deena" and press "Search", then click the 5th search result, not the second one.')
    assert goal.ordinals == {5, 2}
    assert [span.text for span in goal.spans] == ["Deena", "Search"]


def test_two_instances_of_one_task_share_their_pattern() -> None:
    first = goal_pattern('Enter the username "kris" and the password "y7" into the text fields and press login.')
    second = goal_pattern('Enter the username "ann" and the password "Qx9" into the text fields and press login.')
    assert first == second
    assert "kris" not in first


def test_words_are_taken_apart_and_lowered() -> None:
    assert words("saveAll_items now-or Never") == ["save", "all", "items", "now", "or", "never"]
