"""SGD and Adam from scratch; every hyper-parameter may change between two steps."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from lab.config import Config


class Optimizer:
    """What both optimisers share: parameters, hyper-parameters and state tensors.

    ``lr``, ``momentum`` (Adam's beta1), ``weight_decay`` (L2: added to the gradient),
    ``beta2`` and ``eps`` are plain attributes that the next :meth:`step` reads; SGD has no use
    for the last two. A parameter without a gradient is left alone by a step.

    Raises:
        ValueError: when there is nothing to optimise.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        beta2: float = 0.999,
        eps: float = 1e-8,
    ) -> None:
        self.params = list(params)
        if not self.params:
            raise ValueError("there are no parameters to optimise")
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.beta2 = beta2
        self.eps = eps

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        with torch.no_grad():
            which = [i for i, param in enumerate(self.params) if param.grad is not None]
            if not which:
                return
            params = [self.params[i] for i in which]
            grads = [param.grad for param in params if param.grad is not None]
            if self.weight_decay:
                grads = list(torch._foreach_add(grads, params, alpha=self.weight_decay))
            self._update(which, params, grads)

    def _update(self, which: list[int], params: list[Tensor], grads: list[Tensor]) -> None:
        """Move ``params``, which stand at the places ``which`` of all parameters."""
        raise NotImplementedError

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for param in self.params:
            param.grad = None

    def _state(self) -> dict[str, Any]:
        raise NotImplementedError

    def _load_state(self, state: dict[str, Any]) -> None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """A copy of the hyper-parameters and the state; tensors stay on their device."""
        hyper = {name: getattr(self, name) for name in ("lr", "momentum", "weight_decay", "beta2", "eps")}
        return {**hyper, **self._state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of :meth:`state_dict`, for the same kind of optimiser on like parameters."""
        for name in ("lr", "momentum", "weight_decay", "beta2", "eps"):
            setattr(self, name, state[name])
        self._load_state(state)


class SGD(Optimizer):
    """Stochastic gradient descent: buffer = momentum * buffer + g; param -= lr * buffer.

    As ``torch.optim.SGD``: the buffer starts as the first gradient, and lr stays outside it.
    With momentum 0 no buffer is kept, so momentum that is turned on later starts from zero,
    also where it was on, off and on again (torch would bring the old buffer back).
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        super().__init__(params, lr, momentum, weight_decay)
        self.buffers: list[Tensor] | None = None

    def _update(self, which: list[int], params: list[Tensor], grads: list[Tensor]) -> None:
        if self.momentum:
            if self.buffers is None:
                self.buffers = [torch.zeros_like(param) for param in self.params]
            buffers = [self.buffers[i] for i in which]
            torch._foreach_mul_(buffers, self.momentum)
            torch._foreach_add_(buffers, grads)
            grads = buffers
        else:
            self.buffers = None
        torch._foreach_add_(params, grads, alpha=-self.lr)

    def _state(self) -> dict[str, Any]:
        return {"buffers": None if self.buffers is None else [buffer.clone() for buffer in self.buffers]}

    def _load_state(self, state: dict[str, Any]) -> None:
        buffers = state["buffers"]
        self.buffers = None if buffers is None else [buffer.clone() for buffer in buffers]


class Adam(Optimizer):
    """Adam, with L2 weight decay, as ``torch.optim.Adam``; ``momentum`` is its beta1.

    Averages of the gradient and of its square, both de-biased by 1 - beta^t with the beta of
    now, t counting each parameter's own steps. D. Kingma and J. Ba, arXiv:1412.6980.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, momentum, weight_decay, beta2, eps)
        self.averages = [torch.zeros_like(param) for param in self.params]
        self.squares = [torch.zeros_like(param) for param in self.params]
        self.steps = [0] * len(self.params)

    def _update(self, which: list[int], params: list[Tensor], grads: list[Tensor]) -> None:
        averages = [self.averages[i] for i in which]
        squares = [self.squares[i] for i in which]
        for i in which:
            self.steps[i] += 1
        steps = [self.steps[i] for i in which]
        torch._foreach_lerp_(averages, grads, 1 - self.momentum)
        torch._foreach_mul_(squares, self.beta2)
        torch._foreach_addcmul_(squares, grads, grads, 1 - self.beta2)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_div_(roots, [math.sqrt(1 - self.beta2**t) for t in steps])
        torch._foreach_add_(roots, self.eps)
        torch._foreach_addcdiv_(params, averages, roots, [-self.lr / (1 - self.momentum**t) for t in steps])

    def _state(self) -> dict[str, Any]:
        return {
            "averages": [average.clone() for average in self.averages],
            "squares": [square.clone() for square in self.squares],
            "steps": list(self.steps),
        }

    def _load_state(self, state: dict[str, Any]) -> None:
        self.averages = [average.clone() for average in state["averages"]]
        self.squares = [square.clone() for square in state["squares"]]
        self.steps = list(state["steps"])


def make_optimizer(config: Config, params: Iterable[Tensor]) -> Optimizer:
    """The optimiser that ``config`` describes, at its full (unscheduled) lr and momentum."""
    if config.optimizer == "adam":
        return Adam(params, config.lr, config.momentum, config.beta2, config.opt_eps, config.weight_decay)
    return SGD(params, config.lr, config.momentum, config.weight_decay)
