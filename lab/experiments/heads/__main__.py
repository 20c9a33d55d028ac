"""When softmax lies: ``python -m lab.experiments.heads --seed 0`` trains and compares the four heads, headless.

``--seeds 5`` does so for five seeds and gives mean and standard deviation.
"""

import argparse
import sys
from typing import Any, TextIO

import numpy as np

from lab.concepts.heads import HEADS, MEASURES
from lab.config import ConfigError
from lab.experiments.heads.comparison import RECIPE, TEST, Comparison
from lab.knob import Knob, checked

_SEEDS = Knob("Seeds", "How many in a row.", low=1, high=1000)


def report(found: list[dict[str, dict[str, float]]]) -> str:
    """Return a Markdown table of MEASURES by head: the mean of the runs ``found``, and the std (n - 1) of several."""
    lines = ["| | " + " | ".join(head.name for head in HEADS.values()) + " |", "|---|" + "---:|" * len(HEADS)]
    for name, words in MEASURES.items():
        cells = [_cell([run[key][name] for run in found]) for key in HEADS]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(values: list[float]) -> str:
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


def main(arguments: list[str] | None = None, out: TextIO | None = None) -> int:
    """Return the exit status: 0 if every run finished, 1 if one did not, 2 for a bad argument, 130 when interrupted."""
    try:
        comparisons = _comparisons(vars(_parser().parse_args(arguments)))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    found: list[dict[str, dict[str, float]]] = []
    while comparisons:
        comparison = comparisons.pop(0)
        try:
            comparison.run()
        except KeyboardInterrupt:
            comparison.close()
            print("stopped", file=sys.stderr)
            return 130
        session = comparison.session
        if comparison.state != "finished":
            print(f"{HEADS[comparison.key].name}: {comparison.state}. {session.error}", file=sys.stderr)
            return 1
        found.append(comparison.measures())
        thresholds = ", ".join(
            f"{HEADS[key].name} {result.threshold:.3f}" for key, result in comparison.results.items()
        )
        took = f"{comparison.seconds:.1f} s of training on {session.progress.device}"
        print(f"seed {comparison.config.seed}: {took}; thresholds: {thresholds}", file=out)
        comparison.close()
    print(f"\n{report(found)}", file=out)
    return 0


def _comparisons(options: dict[str, Any]) -> list[Comparison]:
    """Return a comparison for each seed; none of them has begun.

    Raises:
        ConfigError: for an option out of range, or a seed that would be.
    """
    seeds, scraps, test = checked("seeds", options.pop("seeds"), _SEEDS, 1), options.pop("scraps"), options.pop("test")
    config = RECIPE.replace(**options)
    return [Comparison(config.replace(seed=config.seed + i), scraps, test) for i in range(seeds)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab.experiments.heads", description=__doc__)
    add = parser.add_argument
    add("--seed", default=RECIPE.seed, help="of the canvases, the weights and the order")
    add("--seeds", default=1, help="how many seeds in a row, from --seed on")
    add("--scraps", default=0, help="pieces of digits strewn on every canvas")
    add("--size", default=RECIPE.size, help=f"canvases to train with (default {RECIPE.size})")
    add("--epochs", default=RECIPE.epochs, help=f"default {RECIPE.epochs}")
    add("--test", default=TEST, help=f"canvases to test with (default {TEST})")
    add("--device", default=RECIPE.device)
    return parser


if __name__ == "__main__":
    sys.exit(main())
