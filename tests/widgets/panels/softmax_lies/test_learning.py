"""How the heads learn: the figure holds what they recorded, and only new rows of the head in work are sent."""

import json
from dataclasses import replace

import numpy as np
import pytest

from lab.concepts import moving_average as ma
from lab.concepts.heads import HEADS
from lab.record import Record, Validation
from widgets.panels.softmax_lies.charts import BETA
from widgets.panels.softmax_lies.learning import Learning

FIRST, SECOND = list(HEADS)[:2]


class Run:
    """A head's session: ``rows`` of its record so far."""

    def __init__(self, seed: int) -> None:
        self.accuracy = np.random.default_rng(seed).random(20_000, np.float32)
        self.rows = 0
        self.validations: tuple[Validation, ...] = ()

    def since(self, step: int) -> Record:
        steps = np.arange(step + 1, self.rows)
        columns = {"accuracy": self.accuracy[step + 1 : self.rows]} if self.rows else {}
        return replace(Record(), steps=steps, columns=columns, validations=self.validations)


@pytest.fixture
def runs() -> dict[str, Run]:
    return {key: Run(seed) for seed, key in enumerate(HEADS)}


def assert_shows(learning: Learning, index: int, run: Run) -> None:
    drawn, points = (learning.figure.figure["data"][at] for at in (index, len(HEADS) + index))
    steps = np.arange(0, run.rows, learning.figure.stride)
    np.testing.assert_array_equal(drawn["x"], steps)
    np.testing.assert_allclose(drawn["y"], ma.debiased(run.accuracy[: run.rows], BETA)[steps], rtol=1e-6)
    assert points["x"].tolist() == [row.step for row in run.validations]
    assert points["y"].tolist() == pytest.approx([row.accuracy for row in run.validations])


def test_piece_by_piece_it_is_the_average_of_the_whole_record(runs: dict[str, Run]) -> None:
    learning = Learning()
    first, second = runs[FIRST], runs[SECOND]
    for first.rows in (0, 1, 30, 30, 900):
        learning.pull(runs, FIRST)
        assert_shows(learning, 0, first)
    first.validations = (Validation(899, 0, 1.0, 0.5, 1.0, 0.5),)
    learning.pull(runs, FIRST)
    assert_shows(learning, 0, first)
    first.rows, second.rows = 950, 10  # its last rows come with the next head's first
    learning.pull(runs, SECOND)
    assert_shows(learning, 0, first)
    assert_shows(learning, 1, second)


def test_a_long_run_is_thinned_and_the_next_head_with_it(runs: dict[str, Run]) -> None:
    learning = Learning()
    for run, key in ((runs[FIRST], FIRST), (runs[SECOND], SECOND)):
        for run.rows in range(1, 7001, 700):
            learning.pull(runs, key)
            title = learning.figure.figure["layout"]["xaxis"]["title"]["text"]
            assert ("every" in title) == (learning.figure.stride > 1)
    assert learning.figure.stride == 8
    for index, key in enumerate((FIRST, SECOND)):
        assert_shows(learning, index, runs[key])


def test_what_is_sent_does_not_grow_with_the_run(runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    learning = Learning()
    figure = learning.figure
    wire: list[int] = []
    monkeypatch.setattr(
        figure, "send", lambda content, buffers: wire.append(len(json.dumps(content)) + sum(map(len, buffers or ())))
    )
    figure._hear(figure, {"type": "ready"}, [])
    sent = []
    for key in (FIRST, SECOND):
        run = runs[key]
        for run.rows in range(100, 15_700, 100):
            wire.clear()
            learning.pull(runs, key)
            sent.append(sum(wire))
            figure._hear(figure, {"type": "ack", "seq": figure._seq}, [])
    new_head = 156
    assert max(sent[1:new_head] + sent[new_head + 1 :]) < 2000, "bytes for 100 rows"


def test_other_sessions_begin_with_an_empty_figure(runs: dict[str, Run]) -> None:
    learning = Learning()
    runs[FIRST].rows = runs[SECOND].rows = 5000
    learning.pull(runs, SECOND)
    learning.clear()
    assert learning.figure.stride == 1
    assert not any(len(trace["x"]) for trace in learning.figure.figure["data"])
