"""The drawn net asks for maps only in sight, and sends the next ones only after an answer."""

from typing import Any

import pytest

from lab.config import Config
from lab.nn.plan import plan
from tests.widgets.run.net_view.test_message import made
from widgets.run.net_view.message import size
from widgets.run.net_view.panel import ANSWER_WITHIN, NetView


class Run:
    """A run that has new maps at every look."""

    def __init__(self, config: Config) -> None:
        self.config, self.asked = config, 0

    def maps(self) -> Any:
        self.asked += 1
        return made(plan(self.config), step=self.asked)


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


def says(view: NetView, **content: Any) -> None:
    view._handle_custom_msg(content, [])


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
