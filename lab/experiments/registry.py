"""The questions that the lab knows: every module in :mod:`lab.experiments.questions` has one, found by itself."""

import pkgutil
from functools import cache
from importlib import import_module

from lab.experiments import questions
from lab.experiments.experiment import Experiment, ExperimentError


@cache
def experiments() -> dict[str, Experiment]:
    """Return id -> experiment, in their order.

    Raises:
        ExperimentError: for a file without one, one that is not named after its id, or an invalid one.
    """
    found = []
    for module in pkgutil.iter_modules(questions.__path__):
        name = f"{questions.__name__}.{module.name}"
        experiment = getattr(import_module(name), "EXPERIMENT", None)
        if not isinstance(experiment, Experiment):
            raise ExperimentError(f"{name} needs an EXPERIMENT, an Experiment; got {experiment!r}")
        if experiment.id.replace("-", "_") != module.name:
            raise ExperimentError(f"{name} must be named after its experiment's id; got {experiment.id!r}")
        found.append(experiment)
    return {experiment.id: experiment for experiment in sorted(found, key=lambda it: (it.order, it.id))}


def experiment(id: str) -> Experiment:
    """Return the experiment of this id.

    Raises:
        ExperimentError: there is none.
    """
    known = experiments()
    if id not in known:
        raise ExperimentError(f"There is no experiment {id!r}; choose one of {', '.join(known)}.")
    return known[id]
