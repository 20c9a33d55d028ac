"""The figures of a run: those in sight at once, the rest later, and all alike in the end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from lab.record import Record
from tests.widgets.conftest import made_record
from widgets import charts
from widgets.charts import View
from widgets.figure.live_figure import LiveFigure
from widgets.run.figures import CHARTS, OUT_OF_SIGHT, OUTPUTS, TrainingFigures, after

FAR = "blow_up"


class Growing:
    """A run that has come to ``steps`` of 30; its next validation comes ``late``."""

    steps, late = 0, False

    def since(self, step: int) -> Record:
        """As a session has it: rows after ``step``, and every mark, validation and answer so far."""
        whole = made_record(self.steps)
        rows = after(whole, step)
        marks = tuple(mark for mark in whole.marks if mark.step < self.steps)
        validations = tuple(validation for validation in whole.validations if validation.step < self.steps - self.late)
        assert whole.outputs
        outputs = whole.outputs._replace(step=self.steps)
        return replace(rows, marks=marks, validations=validations, outputs=outputs)


@dataclass
class Shown:
    """Figures of a growing run, and the clock that they go by."""

    run: Growing
    drawn: TrainingFigures
    now: list[float]

    def grow(self, steps: int, **how: bool) -> None:
        self.run.steps = steps
        self.drawn.pull(self.run, **how)

    def rows(self, name: str) -> int:
        return len(self.drawn.figures[name].figure["data"][0]["x"])

    def look(self, *names: str) -> None:
        """One page has these figures in sight, and no others."""
        for name, figure in self.drawn.figures.items():
            seen(figure, name in names)

    def check(self, names: Sequence[str] = tuple(CHARTS)) -> None:
        """That these figures show all of the run so far."""
        record = self.run.since(-1)
        for name in names:
            wanted = CHARTS[name][0](record, self.drawn.view)
            found = self.drawn.figures[name].figure
            for got, want in zip(found["data"], wanted["data"], strict=True):
                for axis in "xyz":
                    if isinstance(want.get(axis), np.ndarray):
                        np.testing.assert_allclose(got[axis], want[axis], rtol=1e-6, err_msg=f"{name} {axis}")
            assert found["layout"]["shapes"] == wanted["layout"]["shapes"], name


def seen(figure: LiveFigure, is_seen: bool) -> None:
    message = {"type": "seen", "page": "a page", "figures": {str(figure._number): is_seen}}
    figure._handle_custom_msg(message, [])


@pytest.fixture(params=["steps", "seconds"])
def shown(request: pytest.FixtureRequest) -> Shown:
    now = [0.0]
    made = Shown(Growing(), TrainingFigures(View(x=request.param), lambda: now[0]), now)
    made.grow(4)
    return made


def test_what_is_out_of_sight_waits_a_moment(shown: Shown) -> None:
    shown.look("loss", "mean")
    shown.grow(6)
    shown.now[0] += OUT_OF_SIGHT - 0.1
    shown.grow(12)
    shown.check(["loss", "mean"])
    assert shown.rows(FAR) == 4
    shown.now[0] += 0.2
    shown.grow(14)
    shown.check()


@pytest.mark.parametrize("how", ["it comes into sight", "it is asked for", "another view", "a redraw"])
def test_it_is_there_at_once_when(shown: Shown, how: str) -> None:
    shown.look("loss")
    shown.grow(6)
    shown.grow(12)
    assert shown.rows(FAR) == 4 and shown.rows("loss") == 12
    if how == "it comes into sight":
        shown.look("loss", FAR)
        shown.grow(13)
        shown.check(["loss", FAR])
        return
    elif how == "it is asked for":
        shown.grow(13, everything=True)
    elif how == "another view":
        shown.run.steps = 13
        shown.drawn.show(shown.run, x="epochs")
    else:
        shown.run.steps = 13
        shown.drawn.redraw(shown.run)
    shown.check()
    shown.grow(13)
    shown.check()


def test_whatever_is_looked_at_meanwhile_all_are_alike_in_the_end(shown: Shown) -> None:
    rng = np.random.default_rng(0)
    for steps in range(5, 31):
        looked_at = [name for name in CHARTS if rng.random() < 0.4]
        shown.look(*looked_at)
        shown.now[0] += rng.random() * OUT_OF_SIGHT / 2
        shown.grow(steps)
        shown.check(looked_at)
    shown.grow(30, everything=True)
    shown.check()


def test_a_validation_that_comes_without_a_step_is_shown_too(shown: Shown) -> None:
    shown.look("loss")
    shown.run.late = True
    shown.grow(10, everything=True)
    shown.run.late = False
    shown.grow(10)
    shown.check(["loss"])
    shown.grow(10, everything=True)
    shown.check()


def test_answers_out_of_sight_are_not_drawn(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, other = list(OUTPUTS)[:2]
    shown.look("loss", picture)
    shown.grow(5)
    drawn: list[str] = []
    chart: Callable[[Record, str], charts.Figure] = charts.outputs
    monkeypatch.setattr(charts, "outputs", lambda record, which: (drawn.append(which), chart(record, which))[1])
    shown.grow(6)
    assert drawn == [OUTPUTS[picture]]
    shown.look("loss", other)
    shown.grow(6)
    assert drawn == [OUTPUTS[picture], OUTPUTS[other]]
    shown.grow(6, everything=True)
    assert drawn == list(OUTPUTS.values())
