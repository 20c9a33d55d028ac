"""One training step: predict, score, backward, step. lab.cuda.graph has the same as a CUDA graph."""

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from lab.training.learner import Learner


def eager_step(learner: "Learner") -> None:
    """Predict and score the batch; when training, also backward and optimiser step.

    The gradients are zeroed before they are computed: a batch that a callback cancelled leaves none to the next.
    """
    learner.logits = learner.model(learner.x)
    learner.call("after_predict")
    learner.loss = learner.task.loss(learner.logits, learner.y)
    learner.call("after_loss")
    if not learner.training:
        return
    learner.optimizer.zero_grad()
    learner.loss.backward()  # type: ignore[no-untyped-call]
    learner.call("after_backward")
    with torch.no_grad():
        learner.optimizer.step()
    learner.call("after_step")
    learner.call("measure")
