"""The drawn net asks for maps only in sight, and sends the next ones only after an answer."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lab.concepts.drawing import as_mnist
from lab.config import Config
from lab.nn.plan import plan
from tests.widgets.run.net_view.test_message import MadeKernels, made
from widgets.run.net_view.message import BYTES_A_SECOND, head, size
from widgets.run.net_view.panel import ANSWER_WITHIN, HEAD_EVERY, NetView


class Run:
    """A run that has new maps at every look."""

    def __init__(self, config: Config) -> None:
        self.config, self.asked = config, 0
        self.label: int | None = 3
        self.weights = np.ones((8, 3, 3), np.float32)

    def maps(self, channel: Any = None) -> Any:
        self.asked += 1
        kernels = channel and MadeKernels(channel, self.weights)
        return replace(made(plan(self.config), step=self.asked), label=self.label, kernels=kernels)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def view(monkeypatch: pytest.MonkeyPatch) -> Any:
    view: Any = NetView(Config(), Clock())
    view.out = []
    monkeypatch.setattr(view, "send", lambda content, buffers=None: view.out.append((content, buffers)))
    yield view
    view.close()


def says(view: NetView, *buffers: bytes, **content: Any) -> None:
    view._handle_custom_msg(content, list(buffers))


def kinds(view: Any) -> list[str]:
    return [content["type"] for content, _ in view.out]


def test_out_of_sight_it_asks_for_nothing(view: Any) -> None:
    run = Run(Config())
    view.pull(run)
    assert run.asked == 0 and not view.out
    says(view, type="seen", page="a", seen=True)
    assert run.asked == 1 and len(view.out) == 1
    says(view, type="seen", page="a", seen=False)
    view.pull(run)
    assert run.asked == 1


def test_the_next_maps_wait_for_the_pages_answer(view: Any) -> None:
    run = Run(Config())
    says(view, type="seen", page="a", seen=True)
    view.pull(run)
    view.pull(run)
    assert view.sent == 1
    says(view, type="drawn")
    assert view.sent == 2
    view._clock.now += ANSWER_WITHIN
    view.pull(run)
    assert view.sent == 3
    assert {len(buffers[0]) for _, buffers in view.out} == {size(view.described)}


def test_one_layer_shows_its_weights_and_another_net_is_described_anew(view: Any) -> None:
    view.show_net(Config(model="logistic"))
    assert view.weights and view.described["layers"][0]["height"] == 28
    view.show_net(Config(model="mlp"))
    assert not view.weights and [each["count"] for each in view.described["layers"]] == [50, 10]
    chosen = []
    view.on_layer(chosen.append)
    view.layer = "hidden"
    assert chosen == ["hidden"]


@pytest.mark.parametrize("dataset", ["mnist", "fashion"])
def test_a_drawing_is_the_picture_until_an_example_is_chosen(view: Any, dataset: str) -> None:
    view.show_net(Config(dataset=dataset))
    told: list[Any] = []
    view.on_picture(lambda: told.append((view.digit, None if view.picture is None else view.picture.copy())))
    cells = np.zeros((28, 28), np.uint8)
    cells[2:12, 3:5] = 255
    says(view, cells.tobytes(), type="picture", number=7)
    assert view.drawn and view.out[-1][0] == {"type": "taken", "number": 7}
    # Digits lie in the middle, as MNIST's do; Fashion-MNIST's clothes fill the picture.
    wanted = as_mnist(cells / 255) if dataset == "mnist" else (cells / 255).astype(np.float32)
    np.testing.assert_array_equal(told[-1][1], wanted)
    says(view, bytes(784), type="picture", number=8)
    assert len(told) == 2 and not told[-1][1].any()
    view.show_example(6)
    assert told[-1] == (6, None) and not view.drawn
    view.drawn = True
    assert told[-1][1] is not None, "the drawing is still there"
    with pytest.raises(ValueError, match="a drawing has 784 bytes, not 3"):
        view._receive(view, {"type": "picture"}, [b"abc"])


def test_the_answer_to_another_picture_goes_ahead_and_counts(view: Any) -> None:
    run = Run(Config())
    view.pull(run)
    says(view, type="seen", page="a", seen=True)
    view.pull(run)
    assert kinds(view) == ["maps"], "the same picture waits for the page"
    run.label = 5
    view.pull(run)
    assert kinds(view) == ["maps", "answer"] and len(view.out[-1][1][0]) == len(head(run.maps()))
    for label in (6, 7):
        run.label = label
        view.pull(run)
    assert kinds(view).count("answer") == 1, "not more often than five times a second"
    view._clock.now += HEAD_EVERY
    view.pull(run)
    assert kinds(view).count("answer") == 2
    says(view, type="drawn")
    small = 2 * len(head(run.maps()))
    assert view.out[-1][0]["pause"] == (size(view.described) + small) / BYTES_A_SECOND


def test_a_channels_kernels_come_at_once_and_then_only_when_they_change(view: Any) -> None:
    run = Run(Config())
    view.pull(run)
    says(view, type="seen", page="a", seen=True)
    says(view, type="kernels", layer="conv2", channel=5)
    assert kinds(view) == ["maps", "kernels"] and view.out[-1][0]["channel"] == 5
    says(view, type="drawn")
    assert kinds(view) == ["maps", "kernels", "maps"]
    run.weights = run.weights + 1
    says(view, type="drawn")
    assert kinds(view)[3:] == ["kernels", "maps"]
    says(view, type="kernels")
    says(view, type="drawn")
    assert kinds(view)[5:] == ["maps"]
