"""A run as a script: 25 to 70 lines of plain torch that train the same net on the same batches. Imports no torch.

The script's losses are the run's to rounding (tested by running both): the same seed draws the same weights and the
same order of pictures. Rounding may decide a ReLU at 0, after which two runs part slowly: with the course's BatchNorm,
whose sums torch's fast pass adds up in another order than the reference, in the third decimal after some dozen steps.
Parts that torch does not have are copied from lab/nn/reference.py.
"""

import ast
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path

from lab import schedules
from lab.config import MOVING_AVERAGE_NORMS, Config
from lab.nn.plan import plan
from lab.record import Mark

REFERENCE = Path(__file__).parent / "nn" / "reference.py"
READABLE = (REFERENCE, REFERENCE.with_name("ladder.py"), REFERENCE.parents[1] / "training" / "callbacks.py")
"""Files whose classes and functions a page shows, the first that has a name; scripts are made of the first alone."""

_IMPORTS = """import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lab import data"""

_CHANNELS_LAST = "net.to(memory_format=torch.channels_last)  # as the lab does: faster, and the same rounding"

NORM_CLASSES = {
    "batch": "BatchNorm", "layer": "LayerNorm", "instance": "InstanceNorm", "instance_biased": "InstanceNorm",
    "running": "RunningBatchNorm", "running_simple": "RunningBatchNormSimple",
}  # fmt: skip
"""Config's names of the norms that are copied from the reference; torch has the others."""

_GROUP = {"lr": "lr", "momentum": "momentum", "weight_decay": "weight_decay", "opt_eps": "eps"}
_ADAMS = {"adam": "Adam", "adamw": "AdamW"}
_NET = {"norm_eps": "eps", "norm_momentum": "momentum", "leak": "leak"}
"""Live fields -> key of the optimiser's parameter group, and attribute of the net's modules."""


@cache
def _definitions(path: Path = REFERENCE) -> Mapping[str, str]:
    text = path.read_text("utf-8")
    nodes = ast.parse(text).body
    return {
        node.name: ast.get_source_segment(text, node) or ""
        for node in nodes
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }


def reference_source(name: str) -> str:
    """Return the source of a class or function of one of the :data:`READABLE` files, with its docstring.

    What its comments tell other programs, such as a type checker, is left out.

    Raises:
        KeyError: for a name that none of them defines.
    """
    found = next((_definitions(path)[name] for path in READABLE if name in _definitions(path)), None)
    if found is None:
        raise KeyError(name)
    return re.sub(r"  # (type: ignore|fmt: skip).*", "", found)


def _needed(name: str) -> list[str]:
    """Return the definitions that ``name`` stands on, in the file's order, and itself."""
    found = {name}
    while True:
        more = {
            node.id
            for one in found
            for node in ast.walk(ast.parse(_definitions()[one]))
            if isinstance(node, ast.Name) and node.id in _definitions()
        }
        if more <= found:
            return [each for each in _definitions() if each in found]
        found |= more


def script(config: Config, marks: Iterable[Mark] = (), title: str = "") -> str:
    """Return a Python script that trains the run of ``config`` on the CPU and prints each epoch's validation.

    LSUV with a cap (``maxv``) is equal to the tolerance of 1e-3 only: its scaling then takes several steps. torch's
    RMSProp refuses a momentum that is turned on during the run.

    Args:
        marks: changes of live knobs during the run, as in its record.
        title: its first line's comment.
    """
    changes = _changes(marks)
    activation = _activation(config, any("leak" in change for change in changes.values()))
    copied = [NORM_CLASSES[config.norm]] if config.model == "cnn" and config.norm in NORM_CLASSES else []
    copied += ["GeneralRelu"] if activation.startswith("GeneralRelu") else []
    names = {needed for name in copied for needed in _needed(name)}
    parts = [
        f"# {title or 'A run of the training lab'} in plain torch",
        _IMPORTS,
        *[f"\n{_without_docstring(_definitions()[name])}" for name in _definitions() if name in names],
        _net(config, activation),
        *([_initialised(config)] if config.init != "default" and config.model != "logistic" else []),
        *([_CHANNELS_LAST] if config.model == "cnn" and config.norm != "group" else []),
        _optimizer(config),
        *([_schedules(config)] if _scheduled(config) else []),
        _loop(config, changes),
    ]
    text = "\n\n".join(parts) + "\n"
    for module in ("copy", "math"):
        if f"{module}." not in text:
            text = text.replace(f"import {module}\n", "", 1)
    return text.replace("\n\n\nimport", "\n\nimport", 1).replace("Tensor, nn", "Tensor, nn" if copied else "nn", 1)


def _changes(marks: Iterable[Mark]) -> dict[int, dict[str, object]]:
    changes: dict[int, dict[str, object]] = {}
    for mark in marks:
        if mark.field in (*_GROUP, *_NET, "beta2"):
            changes.setdefault(mark.step, {})[mark.field] = mark.new
    return changes


def _activation(config: Config, leak_moves: bool) -> str:
    if config.sub or config.maxv or leak_moves or config.init == "lsuv_notebook":
        return f"GeneralRelu({config.leak!r}, {config.sub!r}, {config.maxv!r})"
    return f"nn.LeakyReLU({config.leak!r})" if config.leak else "nn.ReLU()"


def _norm(config: Config) -> str:
    eps, momentum = f"{config.norm_eps!r}", f"{config.norm_momentum!r}"
    return {
        "none": "",
        "torch_batch": f", nn.BatchNorm2d(width, {eps}, {momentum})",
        "group": f", nn.GroupNorm({config.groups}, width, {eps})",
        "layer": f", LayerNorm({eps})",
        "instance": f", InstanceNorm(width, {eps})",
        "instance_biased": f", InstanceNorm(width, {eps}, correction=0)",
    }.get(config.norm, f", {NORM_CLASSES.get(config.norm, '')}(width, {eps}, {momentum})")


def _net(config: Config, activation: str) -> str:
    lines = [f"torch.manual_seed({config.seed})"]
    if config.model == "logistic":
        lines += ["net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))"]
    elif config.model == "mlp":
        lines += [f"net = nn.Sequential(nn.Flatten(), nn.Linear(784, 50), {activation}, nn.Linear(50, 10))"]
    else:
        bias = "" if config.norm not in MOVING_AVERAGE_NORMS else ", bias=False"
        side = plan(config)[-1].shape[1]
        pixels = f" * {side * side}" if config.pool == "flatten" else ""
        pool = {"average": "nn.AdaptiveAvgPool2d(1), ", "max": "nn.AdaptiveMaxPool2d(1), "}.get(config.pool, "")
        lines += [
            "blocks, before = [], 1",
            f"for width in {config.widths!r}:",
            "    kernel = 3 if blocks else 5",
            f"    conv = nn.Conv2d(before, width, kernel, stride=2, padding=kernel // 2{bias})",
            f"    blocks.append(nn.Sequential(conv, {activation}{_norm(config)}))",
            "    before = width",
            f"net = nn.Sequential(*blocks, {pool}nn.Flatten(), nn.Linear(before{pixels}, 10))",
        ]
    size = f", size={config.size}" if config.size != Config.size else ""
    return "\n".join([*lines, f'pictures = data.load("{config.dataset}"{size})'])


def _initialised(config: Config) -> str:
    if config.init == "lsuv_paper":
        return "\n".join(_lsuv_paper(config))
    kind = "uniform" if config.init == "kaiming_uniform" else "normal"
    layers = "[net[1]]" if config.model == "mlp" else "[block[0] for block in blocks]"
    bias = config.model == "mlp" or config.norm not in MOVING_AVERAGE_NORMS
    lines = [
        f"for layer in {layers}:",
        f"    nn.init.kaiming_{kind}_(layer.weight, a={config.init_a!r})",
        *(["    nn.init.zeros_(layer.bias)"] if bias else []),
    ]
    if config.init in ("lsuv", "lsuv_notebook"):
        lines += _lsuv(config)
    return "\n".join(lines)


def _lsuv(config: Config) -> list[str]:
    each = "[net[1:3]]" if config.model == "mlp" else "blocks"
    begin = "x = pictures.x_train[:512]" + (".flatten(1)" if config.model == "mlp" else "")
    centred = [
        "        while abs(mean := block[:2](x).mean()) > 1e-3:",
        "            block[1].sub += mean.item()",
    ]
    return [
        "with torch.no_grad():  # LSUV, after arXiv:1511.06422",
        f"    {begin}",
        f"    for block in {each}:",
        *(centred if config.init == "lsuv_notebook" else []),
        "        while abs(std := block[:2](x).std()) and abs(std - 1) > 1e-3:",
        "            block[0].weight.div_(std)",
        "        x = copy.deepcopy(block)(x)",
    ]


def _lsuv_paper(config: Config) -> list[str]:
    mlp = config.model == "mlp"
    return [
        f"parts = {'[net[1:3]]' if mlp else 'blocks'}",
        "for layer in [*(part[0] for part in parts), net[-1]]:",
        "    nn.init.orthogonal_(layer.weight)",
        "    if layer.bias is not None:",
        "        nn.init.zeros_(layer.bias)",
        "with torch.no_grad():  # LSUV, arXiv:1511.06422",
        "    x = pictures.x_train[:512]" + (".flatten(1)" if mlp else ""),
        f"    for part in [*parts, nn.Sequential({'' if mlp else '*net[len(blocks):-1], '}net[-1])]:",
        "        layer = part if part[-1] is net[-1] else part[0]",
        "        while (std := layer(x).std()) and abs(std - 1) > 1e-3:",
        "            (net[-1] if layer is part else layer).weight.div_(std)",
        "        x = copy.deepcopy(part)(x)",
    ]


def _optimizer(config: Config) -> str:
    decay = f", weight_decay={config.weight_decay!r}" if config.weight_decay else ""
    begin, eps = f"net.parameters(), {config.lr!r}", f"eps={config.opt_eps!r}"
    if config.optimizer in _ADAMS:
        decay = f", weight_decay={config.weight_decay!r}" if config.optimizer == "adamw" else decay
        betas = f"betas=({config.momentum!r}, {config.beta2!r})"
        return f"optimizer = torch.optim.{_ADAMS[config.optimizer]}({begin}, {betas}, {eps}{decay})"
    momentum = f", momentum={config.momentum!r}" if config.momentum else ""
    if config.optimizer == "rmsprop":
        return f"optimizer = torch.optim.RMSprop({begin}, alpha={config.beta2!r}, {eps}{momentum}{decay})"
    return f"optimizer = torch.optim.SGD(net.parameters(), {config.lr!r}{momentum}{decay})"


def _scheduled(config: Config) -> bool:
    return config.lr_schedule != "constant" or config.momentum_schedule != "constant"


def _schedules(config: Config) -> str:
    phases = {
        name: schedules.parse(getattr(config, f"{name}_schedule")).phases
        for name in ("lr", "momentum")
        if getattr(config, f"{name}_schedule") != "constant"
    }
    curves = {
        "lin": "lambda start, end, at: start + at * (end - start)",
        "cos": "lambda start, end, at: start + (1 + math.cos(math.pi * (1 - at))) * (end - start) / 2",
        "exp": "lambda start, end, at: start * (end / start) ** at",
        "const": "lambda start, end, at: start",
    }
    used = [name for name in curves if any(phase.curve == name for each in phases.values() for phase in each)]
    lines = [f"{name} = {curves[name]}" for name in used]
    for name, each in phases.items():
        rows = ", ".join(f"({one.fraction!r}, {one.curve}, {one.start!r}, {one.end!r})" for one in each)
        lines.append(f"{name}_phases = [{rows}]")
    lines += [
        "",
        "",
        "def scheduled(phases, progress):",
        "    for fraction, curve, start, end in phases:",
        "        if progress < fraction:",
        "            return curve(start, end, progress / fraction)",
        "        progress -= fraction",
        "    return end",
        "",
    ]
    return "\n".join(lines)


def _loop(config: Config, changes: Mapping[int, Mapping[str, object]]) -> str:
    limited = 0 < config.max_steps < config.epochs * config.steps_per_epoch()
    moved = sorted({name for change in changes.values() for name in change})
    lines = [f"order = torch.Generator().manual_seed({config.seed})", "losses = []"]
    lines += ["valid_losses = []"] if config.patience else []
    if moved:
        lines = [
            f"knobs = { ({name: getattr(config, name) for name in moved})!r}",
            f"changes = {dict(changes)!r}  # before which step knobs were moved, and where to",
            *lines,
        ]
    lines += [
        f"for epoch in range({-(-config.steps() // config.steps_per_epoch())}):",
        "    net.train()",
        f"    for chosen in torch.randperm(len(pictures.x_train), generator=order).split({config.batch_size}):",
    ]
    if moved:
        lines += ["        knobs.update(changes.get(len(losses), {}))"]
    if _scheduled(config):
        steps = f"({config.epochs} * math.ceil(len(pictures.x_train) / {config.batch_size}))"
        steps = str(config.max_steps) if limited else steps
        lines += [f"        progress = len(losses) / {steps}"]
    lines += [f"        {line}" for line in _set_anew(config, moved)]
    lines += [
        "        loss = F.cross_entropy(net(pictures.x_train[chosen]), pictures.y_train[chosen])",
        "        optimizer.zero_grad()",
        "        loss.backward()",
        "        optimizer.step()",
        "        losses.append(loss.item())",
        *([f"        if len(losses) == {config.max_steps}:", "            break"] if limited else []),
        "    net.eval()",
        "    with torch.no_grad():",
        f"        logits = torch.cat([net(x) for x in pictures.x_valid.split({2 * config.batch_size})])",
        "    accuracy = (logits.argmax(1) == pictures.y_valid).float().mean()",
        "    loss = F.cross_entropy(logits, pictures.y_valid)",
        '    print(f"epoch {epoch + 1}: loss {loss:.4f}, accuracy {accuracy:.4f}")',
    ]
    if config.patience:  # early stopping
        lines += [
            "    valid_losses.append(loss.item())",
            f"    if epoch - valid_losses.index(min(valid_losses)) >= {config.patience}:",
            "        break",
        ]
    return "\n".join(lines)


def _set_anew(config: Config, moved: Collection[str]) -> list[str]:
    """Return the lines that, before each batch, put into the optimiser and the net what may have changed."""
    values = {name: f'knobs["{name}"]' for name in moved}
    for name in ("lr", "momentum"):
        if getattr(config, f"{name}_schedule") != "constant":
            values[name] = f"{values.get(name, repr(getattr(config, name)))} * scheduled({name}_phases, progress)"
    lines = []
    if config.optimizer in _ADAMS and values.keys() & {"momentum", "beta2"}:
        betas = [values.get(name, repr(getattr(config, name))) for name in ("momentum", "beta2")]
        lines += [f'optimizer.param_groups[0]["betas"] = {", ".join(betas)}']
    for name, key in _GROUP.items():
        if name in values and not (config.optimizer in _ADAMS and name == "momentum"):
            lines += [f'optimizer.param_groups[0]["{key}"] = {values[name]}']
    if config.optimizer == "rmsprop" and "beta2" in values:
        lines += [f'optimizer.param_groups[0]["alpha"] = {values["beta2"]}']
    inside = {name: key for name, key in _NET.items() if name in values}
    if inside:
        lines += ["for part in net.modules():"]
        for name, key in inside.items():
            lines += [f'    if hasattr(part, "{key}"):', f"        part.{key} = {values[name]}"]
    return lines


def _without_docstring(source: str) -> str:
    lines: list[str | None] = list(source.splitlines())
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            first = node.body[0]
            assert first.end_lineno is not None
            for at in range(first.lineno - 1, first.end_lineno):
                lines[at] = None
            if lines[first.end_lineno] == "":
                lines[first.end_lineno] = None
    return "\n".join(line for line in lines if line is not None)
