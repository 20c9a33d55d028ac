"""``python -m benchmarks.experiments``: write docs/experiments.md from what is stored of every question's runs."""

import sys

from benchmarks import report
from lab.experiments.experiment import Experiment, plan
from lab.experiments.judge import Results, Spread, judge, learned, of_variant, spread
from lab.experiments.measures import MEASURES
from lab.experiments.registry import experiments
from lab.experiments.results import MEASURED, load, matching

NAME = "experiments"


def stored(one: Experiment) -> Results:
    """What is stored of the full form of ``one``."""
    results = load(MEASURED / f"{one.id}.json")
    seeds = sorted({result.config.seed for result in results})
    return matching(results, plan(one, seeds)) if seeds else {}


def with_spread(it: Spread, form: str) -> str:
    """Mean ± standard deviation; the mean alone of one run."""
    return f"{it.mean:{form}}" + (f" ± {it.std:{form}}" if it.n > 1 else "")


def section(one: Experiment) -> str:
    """A question's accuracies, verdicts and machines."""
    results = stored(one)
    if not results:
        return f"## {one.title}\n\n{one.question} (`{one.id}`): nothing is measured yet."
    rows = []
    for variant in one.variants:
        if not (mine := of_variant(results, variant.name)):
            continue
        it = spread([result.figures["valid_accuracy"] for result in mine.values()])
        k, n = learned(results, variant.name)
        recorded = ", ".join(f"{cell.accuracy:.3f}" for cell in variant.recorded) or "-"
        rows.append(
            (variant.name, str(n), with_spread(it, ".3f"), f"{it.median:.3f} ({it.low:.3f} to {it.high:.3f})",
             f"{k} of {n}", recorded)
        )  # fmt: skip
    head = ("validation accuracy", "n", "mean ± std", "median (10 % to 90 %)", "learned", "the course's")
    lines = [f"## {one.title}", f"{one.question} (`{one.id}`) {one.setting}", report.table(head, rows, numbers=(1,))]
    checks = []
    for verdict in judge(one, results):
        it = spread(list(verdict.values.values()))
        check = verdict.check
        what = MEASURES[check.measure].label + (f", {check.of} less {check.than}" if check.than else f", {check.of}")
        outcome = {True: "holds", False: "**does not hold**", None: "not judged"}[verdict.holds]
        met = f"{verdict.met} of {verdict.n}"
        checks.append((check.text, what, with_spread(it, ".4g"), met, f"{check.share:.0%}", outcome))
    lines.append(report.table(("check", "measured", "mean ± std", "seeds", "asked for", "verdict"), checks))
    lines += [one.explain, *dict.fromkeys(report.circumstances(result.machine) for result in results.values())]
    return "\n\n".join(lines)


def page() -> str:
    """What docs/experiments.md has between its marks."""
    return "\n\n".join(section(one) for one in experiments().values())


def main() -> int:
    """The exit status, 0."""
    report.publish("experiments.md", NAME, page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
