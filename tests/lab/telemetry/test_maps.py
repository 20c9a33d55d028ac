"""Maps against torch's own forward pass, dead channels against a net made dead by hand; unasked, it costs nothing."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from lab.config import Config, ConfigError
from lab.nn.plan import plan
from lab.session import ENDED, Session
from lab.telemetry.maps import EVERY_STEPS, LayerMaps, MapProbe, near_zero_shares, normalised
from lab.training.callbacks import Callback
from lab.training.learner import Learner

PATIENCE = 60
TINY: dict[str, Any] = {"size": 200, "batch_size": 20, "widths": (4, 8), "epochs": 4, "device": "cpu"}


@pytest.fixture
def make() -> Iterator[Any]:
    sessions: list[Session] = []

    def made(**changes: Any) -> Session:
        sessions.append(Session(Config(**{**TINY, **changes})))
        return sessions[-1]

    yield made
    for session in sessions:
        session.close()


def paused(session: Session, steps: int) -> None:
    session.step(steps)
    wanted = session.progress.step + steps
    assert session.wait_for(lambda: session.state in ("paused", *ENDED) and session.progress.step >= wanted, PATIENCE)


def shot(session: Session, digit: int | None = None, picture: Any = None, channel: Any = None) -> LayerMaps:
    """The maps of a paused or ended session."""
    session.watch(digit, picture=picture)
    maps, looks = session._maps, session._maps.looks  # type: ignore[union-attr]
    session.maps(channel)
    assert maps is not None
    while maps.looks == looks:  # the worker is awake, and this test has nothing else to wait for
        session.maps(channel)
    found = session.maps(channel)
    assert found is not None
    return found


def block_outputs(session: Session, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """What each block gives for ``x`` in eval mode, block after block, and the logits."""
    learner = session._learner
    assert learner is not None
    model = learner.model.eval()
    outputs = []
    with torch.no_grad():
        now = model.stem(x)
        for block in model.blocks.values():
            now = block(now)
            outputs.append(now)
        logits = model.head(now)
    model.train()
    return outputs, logits


@pytest.mark.parametrize("changes", [{"norm": "batch"}, {"norm": "running"}, {"model": "mlp"}, {"model": "logistic"}])
def test_the_maps_are_a_forward_passs(make: Any, changes: dict[str, Any]) -> None:
    session = make(**changes)
    paused(session, 5)
    learner = session._learner
    before = {name: value.clone() for name, value in learner.model.state_dict().items()}
    seen = shot(session, 7)
    after = learner.model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items()), "the norms' statistics are as before"
    assert learner.model.training
    gallery = learner.task.gallery
    outputs, logits = block_outputs(session, gallery.x[gallery.pairs[7, 7]][None])
    assert seen.step == 4 and seen.layers == plan(session.config)
    for made, wanted, layer in zip(seen.maps, outputs, seen.layers, strict=True):
        assert made.shape == layer.shape
        np.testing.assert_allclose(made, wanted[0].reshape(layer.shape).numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(seen.logits, logits[0].numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(seen.picture, gallery.pictures[gallery.pairs[7, 7]].numpy())
    weight = next(iter(learner.model.blocks.values())).layer.weight.detach()
    assert seen.weights is not None and seen.layers[0].weight is not None
    np.testing.assert_array_equal(seen.weights, weight.reshape(len(weight), *seen.layers[0].weight).numpy())


def test_a_drawn_picture_is_normalised_as_the_digits_are(make: Any) -> None:
    session = make()
    paused(session, 1)
    gallery = session._learner.task.gallery
    digit = gallery.pairs[4, 4]
    np.testing.assert_allclose(
        normalised(gallery, gallery.pictures[digit].numpy())[0].numpy(), gallery.x[digit].numpy(), atol=1e-5
    )
    wanted = block_outputs(session, gallery.x[digit][None])[1][0].numpy()
    seen = shot(session, picture=gallery.pictures[digit].numpy())
    np.testing.assert_allclose(seen.logits, wanted, atol=1e-4)
    assert seen.label is None
    # The chart of the answers has it, too, until a digit is chosen.
    outputs = session.since(-1).outputs
    assert outputs is not None and outputs.names == ("your drawing", "3 over 8", "blank")
    np.testing.assert_array_equal(outputs.logits[0], seen.logits)
    np.testing.assert_array_equal(outputs.pictures[0], seen.picture)
    session.watch(other=5)
    assert session.since(-1).outputs.names == ("your drawing", "3 over 5", "blank")
    assert shot(session, digit=6).label == 6
    assert session.since(-1).outputs.names[0] == "6"


def test_a_drawing_is_answered_while_it_validates_and_after_the_end(make: Any) -> None:
    session = make(epochs=1)
    drawn = np.zeros((28, 28), np.float32)
    drawn[4:24, 13:15] = 1
    asked: list[int] = []

    class Draw(Callback):
        """Draws in the middle of the validation."""

        order = 90

        def before_batch(self, learner: Learner) -> None:
            if learner.training:
                session.maps()
            elif not asked:
                asked.append(learner.step)
                session.watch(picture=drawn)
                session.maps()
                session._maps._looked = -np.inf  # type: ignore[union-attr]

        def after_epoch(self, learner: Learner) -> None:
            asked.append(session._maps.latest.label is None)  # type: ignore[union-attr]

    session._task_and_callbacks = None, (Draw(),)
    session.start()
    assert session.wait(PATIENCE) and asked == [session.progress.step, True]
    after = np.roll(drawn, 5, axis=1)
    session.watch(picture=after)
    seen = session.maps()
    assert seen is not None and seen.step == session.progress.step - 1
    wanted = block_outputs(session, normalised(session._learner.task.gallery, after))[1][0]
    np.testing.assert_allclose(seen.logits, wanted.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("picture", [np.zeros((27, 28)), np.full((28, 28), np.nan), np.full((28, 28), 1.1), "a digit"])
def test_what_is_no_picture_is_refused(make: Any, picture: Any) -> None:
    with pytest.raises(ConfigError, match="picture must be 28 x 28 numbers from 0 to 1; got"):
        make().watch(picture=picture)


@pytest.mark.parametrize("changes", [{}, {"model": "mlp"}])
def test_a_channels_kernels_are_its_weights(make: Any, changes: dict[str, Any]) -> None:
    session = make(**changes)
    paused(session, 2)
    blocks = session._learner.model.blocks
    for name, block in blocks.items():
        kernels = shot(session, channel=(name, 3)).kernels
        weight = block.layer.weight.detach()[3].numpy()
        assert kernels is not None and kernels.channel == (name, 3)
        assert kernels.weights.shape == {"hidden": (1, 28, 28), "output": (50, 1, 1)}.get(name, weight.shape)
        np.testing.assert_array_equal(kernels.weights.ravel(), weight.ravel())
    assert shot(session, channel=("conv9", 0)).kernels is None
    assert shot(session, channel=(next(iter(blocks)), 99)).kernels is None
    assert shot(session).kernels is None


def test_channels_made_dead_by_hand_are_counted(make: Any) -> None:
    session = make(norm="none", lr=1e-6)
    paused(session, 1)
    layer = session._learner.model.blocks["conv2"].layer
    with torch.no_grad():
        layer.bias[[1, 5]] = -100.0  # a ReLU of that is 0 for every picture
    session.maps()
    paused(session, 2 * EVERY_STEPS)
    seen = shot(session, 2)
    assert np.flatnonzero(seen.shares[1] > 0.99).tolist() == [1, 5]
    assert (seen.shares[1][[1, 5]] == 1).all()


def test_shares_equal_numpys() -> None:
    x = torch.randn(5, 3, 4, 4) * 1e-2
    np.testing.assert_allclose(near_zero_shares(x, 1e-3), (np.abs(x.numpy()) < 1e-3).mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(near_zero_shares(x[:, :, 0, 0], 1e-2), (np.abs(x[:, :, 0, 0].numpy()) < 1e-2).mean(0))


def test_unasked_it_has_no_hook_and_asking_changes_no_number(make: Any) -> None:
    plain, asked = make(epochs=1), make(epochs=1)
    plain.start()
    assert plain.wait(PATIENCE)
    assert plain._maps.looks == 0 and not plain._maps._hooked
    asked.step(1)
    assert asked.wait_for(lambda: asked.state == "paused", PATIENCE)
    asked.maps()
    asked.start()
    assert asked.wait(PATIENCE)
    assert asked.maps() is not None and asked._maps.looks > 0
    hooks = [len(block._forward_hooks) for block in asked._learner.model.modules()]
    one, two = plain.since(-1), asked.since(-1)
    np.testing.assert_array_equal(one.columns["loss"], two.columns["loss"])
    assert one.validations == two.validations
    asked.close()
    assert asked.maps() is None
    assert sum(hooks) == 0


def test_before_the_start_there_are_none(make: Any) -> None:
    assert make().maps() is None
    assert MapProbe().latest is None
