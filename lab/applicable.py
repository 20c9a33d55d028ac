"""Which knobs have an effect with the others as they are."""

from lab.config import KNOBS, MOVING_AVERAGE_NORMS, Config

NORM_KNOBS = frozenset({"norm_eps", "norm_momentum", "groups"})
CNN_KNOBS = NORM_KNOBS | {"norm", "widths", "pool"}
ACTIVATION_KNOBS = frozenset({"leak", "sub", "maxv"})
INIT_KNOBS = frozenset({"init", "init_a"})
ADAPTIVE_KNOBS = frozenset({"beta2", "opt_eps"})


def applicable(config: Config, without_effect: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the names of the fields that change a run of ``config``, or what is measured of it.

    Args:
        config: the run's settings.
        without_effect: fields that mean nothing to a net or data of one's own.
    """
    without = set(without_effect)
    if config.model != "cnn":
        without |= CNN_KNOBS
    if config.model == "logistic":
        without |= ACTIVATION_KNOBS | INIT_KNOBS
    if config.norm == "none":
        without |= NORM_KNOBS
    if config.norm not in MOVING_AVERAGE_NORMS:
        without.add("norm_momentum")
    if config.norm != "group":
        without.add("groups")
    if config.init in ("default", "lsuv_paper"):  # the other forms of LSUV begin with Kaiming's weights
        without.add("init_a")
    if config.optimizer == "sgd":
        without |= ADAPTIVE_KNOBS
    return frozenset(KNOBS) - without
