"""A net and data of a person's own, in place of the lab's. Imports no torch until there is one."""

import copy
import importlib
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lab.applicable import ACTIVATION_KNOBS, CNN_KNOBS, INIT_KNOBS
from lab.config import DEFAULTS, Config, ConfigError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from lab.training.task import Task

NET_KNOBS = CNN_KNOBS | ACTIVATION_KNOBS | INIT_KNOBS | {"model"}
"""Fields of Config that describe the lab's own nets."""

DATA_KNOBS = frozenset({"dataset", "size"})
"""Fields that describe the lab's own data."""

TRIED = 4
"""Training examples of the trial pass."""

MOST_NAMED = 6
"""Layers that are not measured, of which a notice gives the names."""

LessonNet = Callable[[Config, "Task", "torch.device"], "tuple[nn.Module, str]"]


@dataclass(frozen=True, eq=False)
class Shown:
    """What a page may show of a net and data of one's own, beyond the charts of every layer.

    Attributes:
        classes: names of the classes whose answers are shown; () where there are none to show.
        pictures: whether the examples are pictures, whose maps are drawn.
        input: an example's shape.
        why: in a sentence, why something is not shown; "" where all is.
    """

    classes: tuple[str, ...] = tuple("0123456789")
    pictures: bool = True
    input: str = "28 × 28"
    why: str = ""


class Own:
    """A net, data, loss and metric of a person's own.

    Args:
        model: a function without arguments, or a class, that makes a new ``nn.Module``; or a module, of which each run
            takes a copy, so that all begin with the weights that it has now; or "package.module:name" of one of these.
            None for the lab's own net.
        data: (x, y), (x, y, x_valid, y_valid), a torch Dataset, or two of them; or "package.module:name" of these or of
            a function that returns them. None for the lab's own data.
        loss: "cross_entropy", "mse", "l1", "bce", or a function of (outputs, targets). By default cross-entropy for
            class indices, mean squared error for floats.
        metric: "accuracy", "r2", "none", or a function whose mean over batches means something. By default accuracy
            for class indices, R² for floats.

    Attributes:
        name: the factory's, or the net's class; "" for the lab's.
        words: net and data in a line, for the record.
        live: the live knobs that act within the net, with the values that it has.
        shown: what a page may show.

    Raises:
        lab.data.DataError: for data that does not fit; it names part, shape and dtype.
        lab.nn.own.NetError: for a model, loss or metric that cannot be used.
        ConfigError: for a "package.module:name" that cannot be found.
    """

    def __init__(self, model: Any = None, data: Any = None, loss: Any = None, metric: Any = None) -> None:
        import torch

        from lab.data.own import read
        from lab.nn.own import live_values
        from lab.training.own_task import check_names

        check_names(loss, metric)
        self._model, self._loss, self._metric = named("model", model), named("loss", loss), named("metric", metric)
        self._given: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        found = named("data", data)
        if callable(found) and not isinstance(found, torch.utils.data.Dataset):
            found = found()
        self._data = None if found is None else read(found)
        self.name, self.live, size = "", dict[str, float](), ""
        if self._model is not None:
            if isinstance(self._model, torch.nn.Module):
                self._model = _copied(self._model)  # as it is now, whatever becomes of theirs
            net = self._fresh(0)
            called = getattr(self._model, "__name__", "")
            self.name = type(net).__name__ if called in ("", "<lambda>") else called
            self.live = live_values(net)
            count = sum(part.numel() for part in net.parameters() if not torch.nn.parameter.is_lazy(part))
            size = f" with {count:,} parameters"
        self.words = (self.name or "The lab's net") + size + (f" on {self._data.words}" if self._data else "")
        self.shown = self._what_is_shown()

    @property
    def has_net(self) -> bool:
        """Whether the net is their own."""
        return self._model is not None

    @property
    def plain(self) -> bool:
        """Whether the net is the lab's, on pictures like its own: its layers are known before a run."""
        return not self.has_net and self.shown.input in ("28 × 28", "1 × 28 × 28") and len(self.shown.classes) == 10

    @property
    def without_effect(self) -> frozenset[str]:
        """Fields of Config that mean nothing here."""
        net = NET_KNOBS - self.live.keys() if self.has_net else frozenset[str]()
        return net | (DATA_KNOBS if self._data is not None else frozenset())

    def examples(self, config: Config) -> int:
        """Return the number of training examples."""
        return config.size if self._data is None else len(self._data.x_train)

    def configured(self, config: Config) -> Config:
        """Return the settings of a run: what has no effect at its default, and what acts within the net as it is there.

        A live knob that is not at its default stays: the run sets it in the net.
        """
        changes = {name: getattr(DEFAULTS, name) for name in self.without_effect}
        at_default = (name for name in self.live if getattr(config, name) == getattr(DEFAULTS, name))
        return config.replace(**changes, **{name: self.live[name] for name in at_default})

    def parts(
        self, config: Config, device: "torch.device", lesson_net: LessonNet
    ) -> "tuple[Task, nn.Module, str, bool]":
        """Return task and net on ``device``, what a person should know of them, and whether the net draws numbers.

        Args:
            lesson_net: makes the lab's own net of a task, where they bring only data.

        Raises:
            lab.nn.own.NetError: where net, data and loss do not fit: it names the layer and the shapes.
        """
        import torch

        from lab.nn.own import NetError, OwnNet, layers_from, try_out
        from lab.training.own_task import fitted, gallery
        from lab.training.seeded import seeded

        task = self._task(config, device)
        notice, net = "", self._fresh(config.seed).to(device) if self.has_net else None
        if net is None:
            shape = tuple(task.x_train.shape[1:])
            if config.model == "cnn" and (len(shape) != 3 or shape[0] != 1):
                raise NetError(
                    f"The lab's CNN takes pictures of one channel, (1, height, width); an example is {shape}."
                )
            net, notice = lesson_net(config, task, device)
        x = task.x_train[: min(TRIED, config.batch_size, len(task.x_train))]
        fits: list[Task] = []
        with seeded(config.seed, device):
            before = _generator_state(device)
            found = try_out(net, x, lambda out: fits.append(fitted(task, out, len(x), self._metric is None)))
            draws = not torch.equal(before, _generator_state(device))
        (task,) = fits
        if self._data is not None:
            out = found.output
            logits = out.shape[1] if isinstance(out, torch.Tensor) and out.dim() == 2 else None
            task = replace(task, gallery=gallery(task, self._data.classes, logits))
        if not self.has_net:
            return task, net, notice, draws
        layers, without = layers_from(found)
        model = OwnNet(net, layers)
        model.set_live(config)
        unseen = [f"{name} (not called)" for name in found.idle] + without
        if unseen:
            notice = f"Not measured: {', '.join(unseen[:MOST_NAMED])}{', …' if len(unseen) > MOST_NAMED else ''}."
        return task, model, notice, draws

    def _task(self, config: Config, device: "torch.device") -> "Task":
        from lab.training.own_task import make_task
        from lab.training.task import classify

        if self._data is not None:
            data = self._data
            parts = data.x_train, data.y_train, data.x_valid, data.y_valid
            return make_task(parts, device, self._loss, self._metric, self.words, data)
        task = classify(config, device)
        parts = task.x_train, task.y_train, task.x_valid, task.y_valid
        made = make_task(parts, device, self._loss, self._metric, self.words, task.source)
        return replace(made, gallery=task.gallery)

    def _fresh(self, seed: int) -> "nn.Module":
        """Return a new net, the same for the same seed.

        Raises:
            NetError: where the factory fails, or gives no new module.
        """
        from torch import nn

        from lab.nn.own import NetError, first_line
        from lab.training.seeded import seeded

        if isinstance(self._model, nn.Module):
            return _copied(self._model)
        if not callable(self._model):
            raise NetError(
                f"model must be a module, or a function that makes one (a class of modules, say); got {self._model!r}"
            )
        called = getattr(self._model, "__name__", type(self._model).__name__)
        with seeded(seed):
            try:
                net = self._model()
            except Exception as error:
                raise NetError(f"model: {called}() failed: {type(error).__name__}: {first_line(error)}") from error
        if not isinstance(net, nn.Module):
            raise NetError(f"model: {called}() must give an nn.Module; it gave {type(net).__name__}")
        if net in self._given:
            raise NetError(
                f"model: {called}() gives the same module at each call, so that a run would go on with the weights of "
                "the last one. Make the module within the function, or give the module itself: each run takes a copy."
            )
        self._given.add(net)
        return net

    def _what_is_shown(self) -> Shown:
        from lab.training.own_task import MOST_CLASSES, class_count, compares, pictures

        if self._data is None:
            return Shown()
        count = None if compares(self._loss) else class_count(self._data.y_train)
        shape = tuple(self._data.x_train.shape[1:])
        words = " × ".join(map(str, shape))
        if not pictures(self._data.x_train):
            why = f"The net is not drawn, and softmax v sigmoid not shown: an example, of shape {shape}, is no picture."
            return Shown((), False, words, why)
        if count is None:
            why = f"Softmax v sigmoid is not shown: the targets are no class indices of 2 to {MOST_CLASSES} classes."
            return Shown((), True, words, why)
        names = self._data.classes
        return Shown(names if len(names) == count else tuple(map(str, range(count))), True, words)


def split(given: Mapping[str, Any]) -> "tuple[Own | None, dict[str, Any]]":
    """Return the net and data of one's own among keyword arguments, if any, and the rest: fields of Config.

    ``model`` is a field, too: the name of one of the lab's nets.
    """
    rest = dict(given)
    parts = {name: rest.pop(name) for name in ("model", "data", "loss", "metric") if name in rest}
    if isinstance(parts.get("model"), str) and ":" not in parts["model"]:
        rest["model"] = parts.pop("model")
    return (Own(**parts) if parts else None), rest


def named(what: str, given: Any) -> Any:
    """Return ``given``, or what the text "package.module:name" names.

    Raises:
        ConfigError: naming ``what``, for a module or a name in it that is not there.
    """
    if not isinstance(given, str) or ":" not in given:
        return given
    module, _, name = given.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(what, given, f'"package.module:name" of something that is there ({error})') from error
    return found


def _copied(module: "nn.Module") -> "nn.Module":
    """Return a copy of a module.

    Raises:
        NetError: where it cannot be copied.
    """
    from lab.nn.own import NetError, first_line

    try:
        return copy.deepcopy(module)
    except Exception as error:
        raise NetError(
            f"model: this {type(module).__name__} cannot be copied ({type(error).__name__}: {first_line(error)}), and "
            "each run needs a fresh one. Give a function that makes it."
        ) from error


def _generator_state(device: "torch.device") -> "torch.Tensor":
    import torch

    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()
