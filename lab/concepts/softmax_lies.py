"""When softmax lies: ``python -m lab.concepts.softmax_lies --seed 0`` trains and compares the four heads, headless.

``--seeds 5`` does so for five seeds and gives mean and standard deviation.
"""

import argparse
import sys
from typing import Any, TextIO

import numpy as np

from lab.concepts.comparison import RECIPE, TEST, Comparison
from lab.concepts.heads import HEADS, MEASURES
from lab.config import ConfigError


def report(found: list[dict[str, dict[str, float]]]) -> str:
    """A Markdown table: MEASURES by head, over the runs ``found`` their mean, and their std (n - 1) if several."""
    lines = ["| | " + " | ".join(head.name for head in HEADS.values()) + " |", "|---|" + "---:|" * len(HEADS)]
    for name, words in MEASURES.items():
        cells = [_cell([run[key][name] for run in found]) for key in HEADS]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(values: list[float]) -> str:
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


def main(arguments: list[str] | None = None, out: TextIO | None = None) -> int:
    """The exit status: 0 when every run finished, 1 when one did not, 2 for a bad argument."""
    options = _parser().parse_args(arguments)
    found = []
    for seed in range(options.seed, options.seed + options.seeds):
        try:
            changes: dict[str, Any] = {"seed": seed, "device": options.device}
            changes |= {name: getattr(options, name) for name in ("size", "epochs") if getattr(options, name)}
            comparison = Comparison(RECIPE.replace(**changes), options.scraps, options.test)
        except ConfigError as error:
            print(error, file=sys.stderr)
            return 2
        comparison.run()
        session = comparison.session
        if comparison.state != "finished":
            print(f"{HEADS[comparison.key].name}: {comparison.state}. {session.error}", file=sys.stderr)
            return 1
        found.append(comparison.measures())
        thresholds = ", ".join(
            f"{HEADS[key].name} {result.threshold:.3f}" for key, result in comparison.results.items()
        )
        device = session.progress.device
        print(f"seed {seed}: {comparison.seconds:.1f} s of training on {device}; thresholds: {thresholds}", file=out)
        comparison.close()
    print(f"\n{report(found)}", file=out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab.concepts.softmax_lies", description=__doc__)
    parser.add_argument("--seed", type=int, default=RECIPE.seed, help="of the canvases, the weights and the order")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds in a row, from --seed on")
    parser.add_argument("--scraps", type=int, default=0, help="pieces of digits strewn on every canvas")
    parser.add_argument("--size", help=f"canvases to train with (default {RECIPE.size})")
    parser.add_argument("--epochs", help=f"default {RECIPE.epochs}")
    parser.add_argument("--test", type=int, default=TEST, help=f"canvases to test with (default {TEST})")
    parser.add_argument("--device", default=RECIPE.device)
    return parser


if __name__ == "__main__":
    sys.exit(main())
