"""What is said of a run before and while it goes on."""

import pytest

from lab.config import DEFAULTS
from widgets.run.status import length_line, rough_duration


def test_before_the_start_how_many_steps_and_about_how_long() -> None:
    line = length_line(DEFAULTS, None)
    assert "<b>2,346 steps</b>" in line and "about <b>10 seconds</b>" in line, "2,346 times 4.2 ms"
    two = DEFAULTS.replace(batch_size=2)
    assert "<b>75,000 steps</b>" in length_line(two, None) and "about <b>82 seconds</b>" in length_line(two, None)
    assert "<b>300 steps</b>" in length_line(DEFAULTS.replace(max_steps=300), None)
    assert "Start trains at most <b>2,346 steps</b>" in length_line(DEFAULTS.replace(patience=1), None)
    assert "at most" not in line + length_line(DEFAULTS.replace(patience=3), None), "it has three epochs"
    # The pace that was seen counts, scaled from its batch size to this one's: 4.2 to 1.1 of the model's ms.
    assert "about <b>16 minutes</b>" in length_line(two, (0.05, 64))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 second"), (1.6, "2 seconds"), (89, "89 seconds"), (91, "2 minutes"), (5500, "2 hours")],
)
def test_a_duration_is_rounded_to_one_unit(seconds: float, words: str) -> None:
    assert rough_duration(seconds) == words
