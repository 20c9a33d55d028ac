"""SGD, RMSProp, Adam and AdamW from scratch; every hyper-parameter may change between two steps."""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from lab.config import Config

Factor = float | Tensor
"""A number that a step multiplies by: Python's, or 0-dim and on the parameters' device."""

Factors = Mapping[str, float] | Mapping[str, Tensor]


def _add_scaled(targets: list[Tensor], others: list[Tensor], scale: Factor) -> None:
    """``targets`` += ``scale`` * ``others``, in place."""
    if isinstance(scale, Tensor):
        torch._foreach_add_(targets, list(torch._foreach_mul(others, scale)))
    else:
        torch._foreach_add_(targets, others, alpha=scale)


def _sum(firsts: list[Tensor], others: list[Tensor], scale: Factor) -> list[Tensor]:
    """``firsts`` + ``scale`` * ``others``."""
    if isinstance(scale, Tensor):
        return list(torch._foreach_add(firsts, list(torch._foreach_mul(others, scale))))
    return list(torch._foreach_add(firsts, others, alpha=scale))


class Optimizer:
    """What all optimisers share: parameters, hyper-parameters and state tensors.

    A step that is captured into a CUDA graph runs within :meth:`on_device`, and so reads what
    may change from one replay to the next from the device; :meth:`advance` counts it.

    ``lr``, ``momentum`` (Adam's beta1), ``weight_decay`` (L2: added to the gradient; AdamW's is
    another), ``beta2`` (RMSProp's alpha) and ``eps`` are plain attributes that the next :meth:`step`
    reads; SGD has no use for the last two. A parameter without a gradient is left alone by a step.

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
        self._on_device: Mapping[str, Tensor] | None = None

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        with torch.no_grad():
            which = [i for i, param in enumerate(self.params) if param.grad is not None]
            if self._on_device is not None:
                self._move(which, self._on_device)
                return
            for group in self.advance(which):
                self._move(group, self.factors(group[0]))

    def advance(self, which: list[int]) -> list[list[int]]:
        """Count a step of the parameters at ``which``; return them in groups of equal factors."""
        return [which] if which else []

    def factors(self, place: int = 0) -> dict[str, float]:
        """Return the numbers that the step now counted multiplies by, for the parameter at ``place``."""
        raise NotImplementedError

    @contextmanager
    def on_device(self, factors: Mapping[str, Tensor]) -> Iterator[None]:
        """Have :meth:`step` use these ``factors`` (0-dim tensors) in the block, and count no step."""
        self._on_device = factors
        try:
            yield
        finally:
            self._on_device = None

    def _move(self, which: list[int], factors: Factors) -> None:
        params = [self.params[i] for i in which]
        grads = [param.grad for param in params if param.grad is not None]
        if self.weight_decay:
            grads = self._decay(params, grads, factors)
        self._update(which, params, grads, factors)

    def _decay(self, params: list[Tensor], grads: list[Tensor], factors: Factors) -> list[Tensor]:
        """Return the gradients of the loss plus weight_decay / 2 times the squared weights: L2's."""
        return _sum(grads, params, factors["weight_decay"])

    def _update(self, which: list[int], params: list[Tensor], grads: list[Tensor], factors: Factors) -> None:
        """Move ``params``, which stand at the places ``which`` of all parameters."""
        raise NotImplementedError

    def branches(self) -> tuple[object, ...]:
        """Return what is fixed in a captured step: while it stays equal, replays do what :meth:`step` would."""
        return bool(self.weight_decay), *map(Tensor.data_ptr, self.params)

    def uniform(self) -> bool:
        """Return whether the next step, like the last, moves every parameter, by the same factors."""
        return all(param.requires_grad and param.grad is not None for param in self.params)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for param in self.params:
            param.grad = None

    def _state(self) -> dict[str, Any]:
        raise NotImplementedError

    def _load_state(self, state: dict[str, Any]) -> None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of the hyper-parameters and the state; tensors stay on their device."""
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

    def factors(self, place: int = 0) -> dict[str, float]:
        return {"rate": -self.lr, "momentum": self.momentum, "weight_decay": self.weight_decay}

    def _update(self, which: list[int], params: list[Tensor], grads: list[Tensor], factors: Factors) -> None:
        if self.momentum:
            if self.buffers is None:
                self.buffers = [torch.zeros_like(param) for param in self.params]
            buffers = [self.buffers[i] for i in which]
            torch._foreach_mul_(buffers, factors["momentum"])
            torch._foreach_add_(buffers, grads)
            grads = buffers
        else:
            self.buffers = None
        _add_scaled(params, grads, factors["rate"])

    def branches(self) -> tuple[object, ...]:
        return bool(self.momentum), *map(Tensor.data_ptr, self.buffers or ()), *super().branches()

    def _state(self) -> dict[str, Any]:
        return {"buffers": None if self.buffers is None else [buffer.clone() for buffer in self.buffers]}

    def _load_state(self, state: dict[str, Any]) -> None:
        buffers = state["buffers"]
        self.buffers = None if buffers is None else [buffer.clone() for buffer in buffers]


class RMSProp(SGD):
    """RMSProp: SGD on each gradient over the root of its average square; ``beta2`` is the average's memory.

    As ``torch.optim.RMSprop``, which calls it alpha: not centred, the average starts at 0 and is not de-biased, so
    the first steps are up to 1 / sqrt(1 - beta2) times as long as later ones. Momentum is SGD's, of what is left
    after the division. G. Hinton, Coursera lecture 6e (2012).
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.0,
        beta2: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, momentum, weight_decay)
        self.beta2, self.eps = beta2, eps
        self.squares = [torch.zeros_like(param) for param in self.params]

    def _update(self, which: list[int], params: list[Tensor], grads: list[Tensor], factors: Factors) -> None:
        squares = [self.squares[i] for i in which]
        torch._foreach_mul_(squares, self.beta2)
        torch._foreach_addcmul_(squares, grads, grads, 1 - self.beta2)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, self.eps)
        super()._update(which, params, list(torch._foreach_div(grads, roots)), factors)

    def branches(self) -> tuple[object, ...]:
        return self.beta2, self.eps, *map(Tensor.data_ptr, self.squares), *super().branches()

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "squares": [square.clone() for square in self.squares]}

    def _load_state(self, state: dict[str, Any]) -> None:
        super()._load_state(state)
        self.squares = [square.clone() for square in state["squares"]]


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

    def advance(self, which: list[int]) -> list[list[int]]:
        groups: dict[int, list[int]] = {}
        for i in which:
            self.steps[i] += 1
            groups.setdefault(self.steps[i], []).append(i)
        return list(groups.values())

    def factors(self, place: int = 0) -> dict[str, float]:
        t = self.steps[place]
        rate, root = -self.lr / (1 - self.momentum**t), math.sqrt(1 - self.beta2**t)
        return {"rate": rate, "newest": 1 - self.momentum, "root": root, "weight_decay": self.weight_decay}

    def _update(self, which: list[int], params: list[Tensor], grads: list[Tensor], factors: Factors) -> None:
        averages = [self.averages[i] for i in which]
        squares = [self.squares[i] for i in which]
        rate, newest = factors["rate"], factors["newest"]
        if isinstance(newest, Tensor):
            # average + newest * (gradient - average): lerp knows no weight on the device for many tensors.
            _add_scaled(averages, list(torch._foreach_sub(grads, averages)), newest)
        else:
            torch._foreach_lerp_(averages, grads, newest)
        torch._foreach_mul_(squares, self.beta2)
        torch._foreach_addcmul_(squares, grads, grads, 1 - self.beta2)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_div_(roots, factors["root"])
        torch._foreach_add_(roots, self.eps)
        if isinstance(rate, Tensor):
            _add_scaled(params, list(torch._foreach_div(averages, roots)), rate)
        else:
            torch._foreach_addcdiv_(params, averages, roots, rate)

    def branches(self) -> tuple[object, ...]:
        state = map(Tensor.data_ptr, (*self.averages, *self.squares))
        return self.beta2, self.eps, *state, *super().branches()

    def uniform(self) -> bool:
        return len(set(self.steps)) == 1 and super().uniform()

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


class AdamW(Adam):
    """Adam with decoupled weight decay, as ``torch.optim.AdamW``: first param -= lr * weight_decay * param.

    L2's part of the gradient is divided by Adam's root, as the rest is: weights with large gradients decay less.
    This decay is not, and is the same for all. In SGD without momentum the two are one.
    I. Loshchilov and F. Hutter, arXiv:1711.05101.
    """

    def factors(self, place: int = 0) -> dict[str, float]:
        return {**super().factors(place), "shrink": 1 - self.lr * self.weight_decay}

    def _decay(self, params: list[Tensor], grads: list[Tensor], factors: Factors) -> list[Tensor]:
        torch._foreach_mul_(params, factors["shrink"])
        return grads


_ADAPTIVE = {"rmsprop": RMSProp, "adam": Adam, "adamw": AdamW}


def make_optimizer(config: Config, params: Iterable[Tensor]) -> Optimizer:
    """Return the optimiser that ``config`` describes, at its full (unscheduled) lr and momentum."""
    if (kind := _ADAPTIVE.get(config.optimizer)) is not None:
        return kind(params, config.lr, config.momentum, config.beta2, config.opt_eps, config.weight_decay)
    return SGD(params, config.lr, config.momentum, config.weight_decay)
