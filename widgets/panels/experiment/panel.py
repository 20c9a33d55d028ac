"""The experiments: a question, a prediction, the runs, the comparison, and why."""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode

import ipywidgets

from lab.experiments.answers import Guess, feedback
from lab.experiments.experiment import Experiment, ExperimentError, plan
from lab.experiments.queue import Queue
from lab.experiments.registry import experiment as experiment_of
from lab.experiments.registry import experiments
from lab.kept import KeptError, Library
from lab.plain_code import script
from lab.session import ENDED
from widgets.export.provenance import Settings
from widgets.export.section_words import Words
from widgets.figure.live_figure import LiveFigure
from widgets.markup.link_text import code_line
from widgets.page.fold import Fold
from widgets.page.layout import classed, close_all, section, show
from widgets.panel.panel import handler, under_voila
from widgets.panel.share_link import ShareLink
from widgets.panels.experiment import charts, words
from widgets.panels.experiment.prediction import PredictionBox
from widgets.panels.experiment.results import Results
from widgets.run.control_bar import Buttons
from widgets.run.run_panel import RunPanel
from widgets.run.status import expected_seconds, rough_duration

MORE_SEEDS = (5, 20)
"""How many seeds a button adds."""

DRAW_EVERY = 0.5
"""Seconds between two drawings of the charts while a run goes on."""


class ExperimentPanel(RunPanel[Queue]):
    """Panel that asks for a prediction, trains an experiment's runs, and compares the two.

    ``ExperimentPanel()`` shows the list of questions; ``ExperimentPanel("batch-two")`` opens one, and
    ``ExperimentPanel(Experiment(…))`` one of your own.

    Args:
        experiment: a question's id, or an Experiment; None for the list.
        library: where runs are looked for and kept; by default the person's own.

    Attributes:
        experiment: the question that is shown, None for the list.
        prediction: PredictionBox; None for an experiment that asks nothing.
        guess: the prediction that was made, None if it was skipped; see ``answered``.
        answered: whether the prediction was made or skipped.
        length, measure, variant: Dropdowns: quick or whole, the measure compared, the run whose script is shown.
        more: number of seeds -> Button that adds as many.
        openers: id -> Button that opens the question. list_button, next, measured: Buttons: back to the list, the next
            question, the results that come with the lab.

    Raises:
        ExperimentError: there is no question of this id.
    """

    TITLE = "Experiments"
    NOTICE = "What do you expect, and what do the runs show?"

    def __init__(
        self,
        experiment: str | Experiment | None = None,
        *,
        library: Library | None = None,
        clock: Callable[[], float] = time.monotonic,
        watch_page: bool | None = None,
    ) -> None:
        self._library_error = self._link_problem = ""
        self._library = library or self._own_library()
        self._served = under_voila()
        self._seeds, self._drawn_at = 1, 0.0
        self.experiment: Experiment | None = None
        self.prediction: PredictionBox | None = None
        self.guess: Guess | None = None
        self.answered = False
        self._results = Results(next(iter(experiments().values())))
        self._drawn: tuple[object, ...] = ()
        self.length = _menu("Runs")
        self.measure, self.variant = _menu("Compare"), _menu("Run")
        self.more = {n: ipywidgets.Button(description=f"{n} more seeds") for n in MORE_SEEDS}
        self.list_button = ipywidgets.Button(description="All questions")
        self.next = ipywidgets.Button(description="Next question", button_style="primary")
        self.openers = {
            id: ipywidgets.Button(description="Open", tooltip=f"Open: {one.title}") for id, one in experiments().items()
        }
        self.measured = ipywidgets.Button(
            description="Show what was measured before", tooltip="Compare with stored runs, and train none here"
        )
        self.link = ShareLink(served=self._served)
        buttons = Buttons(("start", "pause", "stop", "reset"))
        super().__init__(self.new_run(), buttons, clock=clock, watch_page=watch_page)
        self._spread = LiveFigure(self._results.spread("valid_accuracy"), label=charts.LABELS["spread"])
        self._lay_out()
        self._connect()
        self.show_experiment(experiment_of(experiment) if isinstance(experiment, str) else experiment)

    def show_experiment(self, experiment: Experiment | None) -> None:
        """Show a question from its beginning, or the list of them for None."""
        show(self._page, False)  # no half of a page meanwhile
        for part in (*self._asked.children, *self._charts.children):
            close_all(part)
        self._asked.children = self._charts.children = ()
        self.experiment, self.prediction, self.guess = experiment, None, None
        self.answered = experiment is not None and experiment.prediction is None
        self._seeds, self._drawn, self._link_problem, self._reached = 1, (), "", False
        self._results = Results(experiment or self._results.experiment)
        with self._muted:
            self._fill_menus()
        self.show_run(self.new_run())
        show(self._list, experiment is None)
        if experiment is None:
            self.show_figures({})
        else:
            self._fill(experiment)
        show(self._page, experiment is not None)
        self.link.query = urlencode({"id": experiment.id}) if experiment else ""
        shown = {"experiment": experiment.id} if experiment else {}
        self.link.code = code_line("ExperimentPanel", shown)
        self.update()

    @handler
    def on_open(self, id: str) -> None:
        """Open a question of the list."""
        self.show_experiment(experiment_of(id))

    @handler
    def on_list(self, _: object = None) -> None:
        """Show the list of questions; a run that goes on ends."""
        self.show_experiment(None)

    @handler
    def on_next(self, _: object = None) -> None:
        """Open the question after this one, the first after the last."""
        ids = list(experiments())
        at = ids.index(self.experiment.id) if self.experiment and self.experiment.id in ids else -1
        self.show_experiment(experiment_of(ids[(at + 1) % len(ids)]))

    @handler
    def on_link(self, query: str) -> None:
        """Open the question that the page's address names."""
        id = parse_qs(query.lstrip("?")).get("id", [""])[0]
        if id and not self.answered and self.run.state == "ready":
            try:
                self.show_experiment(experiment_of(id))
            except ExperimentError as refusal:
                self._link_problem = str(refusal)

    @handler
    def on_answer(self, guess: Guess | None) -> None:
        """Take the prediction, None for a skipped one, and go on to the runs."""
        if self.answered or self.prediction is None:
            return
        self.guess, self.answered = guess, True
        self.prediction.close_question(guess)
        self._show_stage()

    @handler
    def on_length(self, _: object = None) -> None:
        """Take the quick or the whole runs, from the next start on."""
        if not self._muted and not self.active:
            self.renew()
            self._say_length()
            self._show_stage()
            self._show_script()
            self.update()

    @handler
    def on_more(self, n: int) -> None:
        """Train ``n`` more seeds of every setting."""
        self._seeds += n
        self.renew()
        self.begin(lambda run: run.start())

    @handler
    def on_measured(self, _: object = None) -> None:
        """Show what was measured before, without a run here."""
        self._results.measured_shown = True
        self._show_stage()

    @handler
    def on_measure(self, _: object = None) -> None:
        """Compare the runs by another measure."""
        if not self._muted:
            self._show_comparison()

    @handler
    def on_variant(self, _: object = None) -> None:
        """Show another run's script."""
        if not self._muted:
            self._show_script()

    @property
    def quick(self) -> bool:
        """Whether the quick runs are chosen."""
        return bool(self.length.value)

    @property
    def run_error(self) -> str:
        """Why runs failed, or are not kept."""
        return "\n".join(filter(None, (super().run_error, self._library_error, self._link_problem, *self.run.notices)))

    def new_run(self) -> Queue:
        """Return a queue of the chosen runs; those that are here are not trained again."""
        known = self._results.known()
        return Queue(self._results.experiment, self._seeds, self.quick, library=self._library, known=known)

    def changed(self) -> bool:
        """Return whether other runs are chosen than the queue has."""
        return self.run.planned != plan(self._results.experiment, self._seeds, self.quick)

    def empty(self) -> None:
        """Forget nothing: the runs so far stay beside the new ones, but those of another length."""
        self._results.begin(self.quick)
        self._drawn = ()

    @handler
    def on_reset(self, _: object = None) -> None:
        """End the runs, and ask again."""
        self.show_experiment(self.experiment)

    def about(self) -> str:
        """Return which runs are done and which train, as markup."""
        done, all_ = len(self.run.results), len(self.run.planned)
        now = ", ".join(f"{name}, seed {seed}" for name, seed in self.run.running)
        training = f"<span>now <b>{words.escape(now)}</b></span>" if now else ""
        kept = f"<span><b>{self.run.reused}</b> of them were here</span>" if self.run.reused else ""
        return f"<span>runs <b>{done} of {all_}</b></span>{kept}{training}"

    def settings(self) -> Settings:
        """Return the question, the length of its runs and their seeds: no single run's settings."""
        seeds = {run.seed for run in self.run.planned}
        runs = "quick" if self.quick else "whole"
        return {"Question": self._results.experiment.title, "Runs": runs, "Seeds": str(len(seeds))}

    def update(self) -> None:
        """Show the runs' new rows and status; enable what can be pressed."""
        super().update()
        for button in self.more.values():
            button.disabled = self.run.state != "finished"
        self.length.disabled = self.active

    def pull(self) -> None:
        """Draw the charts anew, where something has changed."""
        if self.experiment is None or not self.answered:
            return
        now = self._clock()
        if self.run.state == "running" and now - self._drawn_at < DRAW_EVERY:
            return
        self._drawn_at = now
        finished = self._results.take(self.run)
        changed = (finished, self.run.progress.step)
        if changed == self._drawn:
            return
        ended, self._drawn = changed[:1] != self._drawn[:1], changed
        self.draw({name: self._results.chart(name) for name in self.experiment.charts if self.figures[name].seen})
        if ended and self._reached:
            self._show_comparison()

    def on_end(self) -> None:
        """Draw every chart, those out of sight too."""
        if self.experiment is not None and self.answered:
            self._results.take(self.run)
            self.draw({name: self._results.chart(name) for name in self.experiment.charts})
            self._show_stage()

    def catch_up(self) -> None:
        """Draw every chart before it is saved."""
        self.on_end()

    def chart_words(self) -> Mapping[str, Words]:
        """Return chart name -> heading and help of its section."""
        if self.experiment is None:
            return {}
        looks = {name: Words(self.experiment.title, look) for name, look in self.experiment.charts.items()}
        rest = {name: Words(self.experiment.title, self.experiment.question) for name in self.figures}
        return rest | looks

    def _own_library(self) -> Library | None:
        try:
            return Library()
        except KeptError as error:
            self._library_error = f"These runs are not kept: {error}"
            return None

    def _fill_menus(self) -> None:
        one = self._results.experiment
        self.length.options = [(f"quick: about {self._time(one, True)} a seed", True)] * bool(one.quick) + [
            (f"whole: about {self._time(one, False)} a seed", False)
        ]
        self.length.value = bool(one.quick)
        self.measure.options = [(label, name) for name, label in self._results.measures().items()]
        self.measure.value = self._results.main_measure
        self.variant.options = [variant.name for variant in one.variants]
        self.variant.value = one.variants[0].name

    def _time(self, experiment: Experiment, quick: bool) -> str:
        configs = [experiment.config(variant, 0, quick) for variant in experiment.variants]
        return rough_duration(sum(expected_seconds(config, self.pace) for config in configs))

    def _lay_out(self) -> None:
        """Make every part of the page that no question changes."""
        cards = []
        for id, one in experiments().items():
            times = {quick: self._time(one, quick) for quick in (True, False)}
            cards.append(
                classed(ipywidgets.VBox([ipywidgets.HTML(words.card(one, times)), self.openers[id]]), "lab-card")
            )
        self._list = classed(ipywidgets.Box(cards), "lab-cards")
        self._question, self._asked, self._charts = ipywidgets.HTML(), ipywidgets.VBox(), ipywidgets.Box()
        self._said, self._numbers, self._verdicts, self._machine = (ipywidgets.HTML() for _ in range(4))
        self._reason, self._parts, self._script, self._knobs = (ipywidgets.HTML() for _ in range(4))
        self._length, self._about_runs = ipywidgets.HTML(), ipywidgets.HTML()
        bar = self.make_bar([self.length, *self.more.values()])
        compared = [self._said, self._spread, self._numbers, self._verdicts, self._machine]
        reasons = [
            self._about_runs,
            self._reason,
            Fold("The code that differs", self._parts),
            Fold("A run in plain torch", ipywidgets.VBox([self.variant, self._script])),
            self._knobs,
            _row(self.next),
        ]
        self._sections = {
            "predict": section(*words.SECTIONS["predict"], parts=[self._asked]),
            "run": section(*words.SECTIONS["run"], parts=[bar, self._length, _row(self.measured), self._charts]),
            "compare": section(*words.SECTIONS["compare"], menus=[self.measure], parts=compared),
            "why": section(*words.SECTIONS["why"], parts=reasons),
        }
        head = [_row(self.list_button, self.link), self._question]
        self._page = classed(ipywidgets.VBox([*head, *self._sections.values()]), "lab-experiment")
        self.children = [self.style_sheet, self.error_line, self._list, self._page]

    def _fill(self, experiment: Experiment) -> None:
        """Show a question's texts, its prediction and its charts."""
        self._question.value = words.question(experiment)
        figures = {
            name: LiveFigure(self._results.chart(name), label=f"{experiment.title}: {look}")
            for name, look in experiment.charts.items()
        }
        looks = [
            ipywidgets.VBox([ipywidgets.HTML(words.notice(look)), figures[name]])
            for name, look in experiment.charts.items()
        ]
        self._charts.children = looks
        for n in (1, 2, 3, 4):
            self._charts.remove_class(f"lab-grid-{n}")
        classed(self._charts, "lab-grid", f"lab-grid-{len(looks)}")
        asked: dict[str, LiveFigure] = {}
        if experiment.prediction is not None:
            self.prediction = PredictionBox(experiment.prediction, self.on_answer)
            self._asked.children = (self.prediction,)
            if self.prediction.figure:
                asked = {"prediction": self.prediction.figure}
        self.show_figures(asked | figures | {"spread": self._spread})
        self._machine.value = self._results.machine()
        self._reason.value = words.why(experiment)
        self._parts.value = words.parts_code(experiment)
        self._say_length()
        self._show_stage()
        self._show_script()

    def _say_length(self) -> None:
        """Show how long the chosen runs are, and which ones the explanation is about."""
        self._length.value = words.length(self._results.experiment, self.quick)
        self._about_runs.value = words.about_whole_runs(self.quick)

    def _show_stage(self) -> None:
        """Show the sections that the person has reached."""
        show(self._sections["predict"], self.prediction is not None)
        show(self._sections["run"], self.answered)
        show(self.save_bar, self.answered)
        # Not while the first seed trains: a verdict on some of the settings would be none.
        ended = self.run.state in ENDED and bool(self._results.here)
        self._reached |= self.answered and (ended or self._results.measured_shown)
        for name in ("compare", "why"):
            show(self._sections[name], self._reached)
        show(self.measured, bool(self._results.measured) and not self._reached)
        if self._reached:
            self._show_comparison()

    def _show_comparison(self) -> None:
        one = self._results.experiment
        results, records = self._results.here or self._results.measured, self._results.records
        said = feedback(one.prediction, self.guess, results, records) if one.prediction else None
        self._said.value = words.prediction(said) if said else ""
        self._verdicts.value = words.verdicts(*self._results.verdicts(), self.quick)
        measure = self.measure.value
        self._numbers.value = words.figures(one, measure, self._results.here, self._results.measured)
        self.draw({"spread": self._results.spread(measure)})
        if self.prediction and self.prediction.figure:
            self.prediction.show_runs(self.guess, records)

    def _show_script(self) -> None:
        one = self._results.experiment
        config = one.config(one.variant(self.variant.value), 0, self.quick)
        self._script.value = words.code(script(config, title=f"{one.title}: {self.variant.value}"))
        self._knobs.value = words.knobs_link(config, self._served)

    def _connect(self) -> None:
        for id, button in self.openers.items():
            button.on_click(lambda _, id=id: self.on_open(id))
        for n, button in self.more.items():
            button.on_click(lambda _, n=n: self.on_more(n))
        self.list_button.on_click(self.on_list)
        self.next.on_click(self.on_next)
        self.measured.on_click(self.on_measured)
        self.length.observe(self.on_length, "value")
        self.measure.observe(self.on_measure, "value")
        self.variant.observe(self.on_variant, "value")
        self.link.on_query(self.on_link)


def _menu(label: str) -> Any:
    return ipywidgets.Dropdown(description=label)


def _row(*parts: Any) -> Any:
    return classed(ipywidgets.HBox(list(parts)), "lab-buttons")
