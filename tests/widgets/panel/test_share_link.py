"""A link opens the same settings: every knob there and back, and what cannot be set is named and left out."""

from collections.abc import Iterator
from typing import Any

import pytest

from lab.config import DEFAULTS, KNOBS, Config
from widgets.markup.link_text import LONGEST, MOST, code_of, problems_line, query_of, read
from widgets.panel.share_link import ShareLink
from widgets.panels.training.panel import TrainingPanel

OTHERS: dict[str, Any] = {
    "lr": 0.1 + 0.2, "momentum": 1 / 3, "norm_eps": 1e-12, "leak": 1e-300, "widths": (5, 512, 1), "sub": 0.45,
    "maxv": 1000.0, "norm_momentum": 1.0, "groups": 2, "init_a": 0.1, "weight_decay": 1e-5, "beta2": 1 - 1e-9,
    "opt_eps": 9.999999999999999, "lr_schedule": "0.3 cos 0.1 1, 0.7 cos 1 1e-05", "momentum_schedule": "one-cycle",
    "size": 64, "batch_size": 50_000, "epochs": 1000, "seed": 2**31 - 1, "beta": 0.0, "near_zero": 0.1,
    "max_steps": 300, "patience": 3,
}  # fmt: skip
SETTINGS = [
    pytest.param(name, value, id=f"{name}-{value}")
    for name, knob in KNOBS.items()
    for value in (knob.choices or [OTHERS[name]])
]
START = Config(norm="layer", lr=0.9, widths=(4, 8), epochs=2)


@pytest.mark.parametrize("start", [DEFAULTS, START], ids=["defaults", "others"])
@pytest.mark.parametrize(("name", "value"), SETTINGS)
def test_every_knob_goes_there_and_back(name: str, value: Any, start: Config) -> None:
    config = DEFAULTS.replace(**{name: value})
    assert read(query_of(config, start), start) == (config, [])
    assert read("?" + query_of(config, start) + "&theme=dark&token=secret", start) == (config, [])
    assert eval(code_of(config).splitlines()[-1], {"TrainingPanel": Config}) == config


def test_all_knobs_at_once() -> None:
    others = {name: OTHERS.get(name, list(knob.choices or "?")[-1]) for name, knob in KNOBS.items()}
    config = Config(**{**others, "batch_size": 7})
    assert read(query_of(config)) == (config, [])
    assert len(config.changed()) == len(KNOBS)


def test_a_link_names_nothing_that_the_page_begins_with_by_itself() -> None:
    assert query_of(DEFAULTS) == "" and query_of(Config(lr=0.9)) == "lr=0.9"
    assert code_of(Config(lr=0.9, norm="none")).splitlines()[-1] == 'TrainingPanel(lr=0.9, norm="none")'


def test_what_cannot_be_set_is_named_and_the_rest_is_set() -> None:
    config, problems = read("lr=9999&foo=1&norm=none&epochs=2.5&device=tpu")
    assert config == Config(norm="none")
    line = problems_line(problems)
    for words in ("(lr) must be above 0 and at most 1000; got '9999'", "foo is no knob", "Epochs (epochs) must be a"):
        assert words in line
    assert "Device (device) must be one of auto, cpu, cuda" in line
    assert problems_line([]) == ""


@pytest.mark.parametrize(
    ("query", "kept", "names"),
    [
        ("size=20&epochs=2", {"epochs": 2}, ["size=20", "(batch_size) must be at most"]),
        ("size=20&batch_size=10", {"size": 20, "batch_size": 10}, []),
        ("groups=3&norm=group&widths=6", {"groups": 3, "norm": "group", "widths": (6,)}, []),
        ("seed=x&size=20&batch_size=10", {"size": 20, "batch_size": 10}, ["seed"]),
        ("norm=group&widths=6", {"norm": "group"}, ["widths=(6,)", "divisor"]),
        ("norm=group&widths=6&size=20&batch_size=9", {"norm": "group", "size": 20, "batch_size": 9}, ["widths=(6,)"]),
        ("lr=1&lr=2", {"lr": 2.0}, []),
        ("lr=", {}, ["(lr) must be a number"]),
    ],
)
def test_settings_that_do_not_go_together(query: str, kept: dict[str, Any], names: list[str]) -> None:
    config, problems = read(query)
    assert config == Config(**kept)
    assert len(problems) == (1 if names else 0)
    for name in names:
        assert name in problems[0]


def test_a_link_of_any_length_makes_a_short_line() -> None:
    _, problems = read("&".join(f"lr={'9' * 10_000}x&{'k' * 10_000}{n}=1" for n in range(40)))
    assert "and 75 more" in problems_line(problems)
    assert len(problems_line(problems)) < (LONGEST + 3) * MOST + 80


@pytest.fixture
def panel() -> Iterator[TrainingPanel]:
    made = TrainingPanel(size=200, batch_size=2, epochs=1000, device="cpu", widths=(4, 8))
    yield made
    made.close()


def hear(link: ShareLink, query: str) -> None:
    link._handle_custom_msg({"query": query}, [])


def test_the_page_tells_its_address_and_the_knobs_follow(panel: TrainingPanel) -> None:
    hear(panel.link, "lr=9999&<b>=1&norm=none&momentum=0.5")
    assert (panel.knobs["norm"].value, panel.knobs["momentum"].value, panel.knobs["lr"].value) == ("none", 0.5, 0.4)
    assert panel.knobs["widths"].value == (4, 8), "the notebook's own, where the link says nothing"
    assert panel.session.state == "ready", "not started by itself"
    assert "Learning rate (lr) must be above 0 and at most 1000" in panel.error
    assert "&lt;b&gt; is no knob" in panel.error_line.value
    hear(panel.link, "norm=layer")
    assert panel.knobs["norm"].value == "none", "a page that comes again finds the knobs as they were left"
    panel.on_step()
    assert panel.session.config.momentum == 0.5 and panel.error == ""


def test_a_link_moves_no_knob_of_a_run(panel: TrainingPanel) -> None:
    panel.on_start()
    hear(panel.link, "lr=0.9")
    assert panel.knobs["lr"].value == 0.4


def test_the_link_stands_for_the_knobs_as_they_are(panel: TrainingPanel) -> None:
    panel.on_start()
    panel.knobs["lr"].offer("0.05")  # live
    panel.knobs["norm"].value = "layer"  # at the next start
    config, view, problems = panel.link.read(panel.link.query)
    assert config == panel.knobs.config() and config.lr == 0.05 and config.norm == "layer"
    assert problems == "" and view == {}
    assert 'lr=0.05, norm="layer"' in panel.link.code
    panel.knobs["groups"].value = 3
    before = panel.link.query
    panel.knobs["norm"].value = "group"  # no such run: 3 divides neither width
    assert panel.link.query == before and panel.error == "", "the knobs tell it, once"
    panel.on_defaults()
    assert panel.link.read(panel.link.query)[0] == DEFAULTS


def test_in_a_notebook_there_is_the_code_only(monkeypatch: pytest.MonkeyPatch) -> None:
    made = TrainingPanel(lr=0.9)
    assert not made.link.served and made.link.query == "lr=0.9"
    made.close()
    monkeypatch.setenv("VOILA_BASE_URL", "/")
    made = TrainingPanel()
    assert made.link.served
    made.close()


def test_a_link_opens_the_view_that_was_shown(panel: TrainingPanel) -> None:
    assert panel.link.query == "" or "view." not in panel.link.query
    panel.on_step()
    assert panel.session.wait_for(lambda: panel.session.state == "paused", 60)
    panel.tick()
    for menu, choice in (("x", "epochs"), ("near_zero", "near_abs"), ("layer", "conv1"), ("norm", "conv1")):
        panel.menus[menu].value = choice
    query = panel.link.query
    assert "view.x=epochs&view.near_zero=near_abs&view.layer=conv1&view.norm=conv1" in query
    other = TrainingPanel(size=200, batch_size=2, device="cpu", widths=(4, 8))
    hear(other.link, query)
    assert other.error == "" and other._charts.view.x == "epochs" and other._charts.view.near_zero == "near_abs"
    other.on_step()
    assert other.session.wait_for(lambda: other.session.state == "paused", 60)
    other.tick()
    assert (other.menus["layer"].value, other._charts.view.layer, other._charts.view.norm) == ("conv1",) * 3
    other.on_reset()
    assert other._charts.view.near_zero == "near_abs", "a definition that was chosen stays"
    other.close()


def test_a_view_that_there_is_not_is_named(panel: TrainingPanel) -> None:
    hear(panel.link, "view.x=parsecs&view.colour=red&lr=0.5")
    assert panel.knobs["lr"].value == 0.5
    assert "The view has no x 'parsecs'. The view has no colour 'red'." in panel.error
