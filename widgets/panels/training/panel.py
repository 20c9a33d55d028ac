"""The training lab: knobs, buttons and every chart of one run."""

import html
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import ipywidgets

from lab.branching import origin_words
from lab.config import DEFAULTS, KNOBS, LIVE, Config, ConfigError
from lab.findings import findings
from lab.own import Shown, split
from lab.progress import Progress
from lab.record import Record
from lab.session import ENDED, Session
from lab.training.lr_search import LrSearch
from widgets.charts import View
from widgets.export.provenance import Settings
from widgets.export.run_table import run_table
from widgets.export.section_words import Words
from widgets.export.table import Table
from widgets.figure.detail import Span
from widgets.inputs.config_knobs import Knobs
from widgets.markup.glossary import question_mark
from widgets.page.layout import classed, knob_column, one_screen, tabs
from widgets.panel.panel import handler, under_voila
from widgets.panel.share_link import ConfigLink
from widgets.run import open_runs
from widgets.run.autosave import AutoSave
from widgets.run.control_bar import Buttons
from widgets.run.figures import TrainingFigures, after, course_near_zero
from widgets.run.find_lr import HELP as FIND_LR_HELP
from widgets.run.find_lr import TITLE as FIND_LR
from widgets.run.find_lr import FindLr
from widgets.run.mistakes import Mistakes
from widgets.run.net_view.panel import NetView
from widgets.run.presets import Presets
from widgets.run.run_panel import RunPanel
from widgets.run.scrubber.branching import BranchControls
from widgets.run.scrubber.panel import Scrubber
from widgets.run.sections import ANY_STEP, Menus, explained, section_tabs, section_words, words_tab
from widgets.run.status import length_line, validation_line

FINDINGS_TERMS = ("silent", "near-zero share", "validation", "loss", "diverged", "multiplier", "epsilon")
"""Words of what happened, which a "?" explains."""

VIEW_MENUS = ("x", "near_zero", "layer", "norm")
"""Menus whose choices a link holds."""


class TrainingPanel(RunPanel[Session]):
    """Panel that trains a net and charts its layers, with knobs that can be changed during the run.

    ``TrainingPanel()`` as the last line of a cell shows it; ``TrainingPanel(lr=0.9, norm="none")``
    starts from other knobs. ``TrainingPanel(model=make_net, data=(x, y))`` trains a net and data of one's own, with a
    ``loss`` and a ``metric``: see lab.own.Own.

    Attributes:
        session: the run that is shown; a new one at each Start after an end, and at each Reset.
        knobs: the Knobs: ``knobs["lr"].value``, ``knobs.config()``, ``knobs.set(config)``.
        figures: name -> LiveFigure.
        buttons: "start", "pause", "step", "stop", "reset", "defaults" -> Button.
        scrubber: Scrubber that shows any recorded step.
        branching: BranchControls: a branch at that step, and more epochs.
        presets: Presets, the named settings.
        findings: HTML, what happened in a run that has ended.
        mistakes: Mistakes, tiles of the worst ones at the last validation.
        find_lr: FindLr, the learning rate finder.
        tabs: Tab, one for each group of charts.
        net: NetView, the net drawn with its maps of the chosen picture.
        link: widget with the link that opens the same settings.
        menus: "x", "near_zero", "layer", "norm", "digit", "other" -> Dropdown.
        autosave: AutoSave that keeps each started run.
        state_line, status, progress: widgets that show what the run is doing.

    Raises:
        ConfigError: for a change that is not a valid knob.
        lab.data.DataError, lab.nn.own.NetError: for a net or data of one's own that cannot be used; what shows only
            with the data in the net is told on the panel.
    """

    TITLE = "The training lab"
    NOTICE = (
        "Drag the learning rate while it trains: what do the loss and each layer's spread do at the mark? "
        "Then set Norm type to None and the learning rate to 0.9: what happens in the layers in the first fifty steps?"
    )

    def __init__(
        self,
        config: Config = DEFAULTS,
        *,
        clock: Callable[[], float] = time.monotonic,
        watch_page: bool | None = None,
        **changes: Any,
    ) -> None:
        self._own, changes = split(changes)
        config, shown = config.replace(**changes), Shown()
        if self._own:
            config, shown = self._own.configured(config), self._own.shown
        self.knobs = Knobs(config, self._own.without_effect if self._own else ())
        self.menus = Menus()
        self.menus.name_classes(shown.classes or ("",))
        self.autosave = AutoSave()
        view = View(near_zero=self._usual_near_zero(config), threshold=config.near_zero)
        self._charts = TrainingFigures(view, clock, outputs=bool(shown.classes))
        super().__init__(Session(config, own=self._own), Buttons(), clock=clock, watch_page=watch_page)
        self.branching = BranchControls(lambda step: self.run.why_no_branch(step), lambda: self.run.why_no_prolonging())
        self._before: Record | None = None
        self.scrubber = Scrubber(
            lambda: self.run.since(-1),
            going_on=lambda: self.active,
            view=lambda: self._charts.view,
            branching=self.branching,
        )
        self.adopt(self.scrubber)
        self.link = ConfigLink(config, served=under_voila())
        planned = self._own is None or self._own.plain
        self.net = NetView(config, classes=shown.classes, shape=shown.input, planned=planned)
        self._left_out = ""
        self._near_zero_chosen = False
        figures = self._charts.figures
        self.presets, self.findings = Presets(self.on_preset), classed(ipywidgets.HTML(), "lab-findings")
        self.mistakes = Mistakes()
        loss = ("loss",) if self._own else ()
        self.find_lr = FindLr(self._search_lr, self.on_lr_found, self.on_take_lr, *loss)
        figures = figures | {"find_lr": self.find_lr.figure}
        above = [explained(self.net)] if shown.pictures else []
        if shown.why:
            above.append(classed(ipywidgets.HTML(f"<p>{html.escape(shown.why)}</p>"), "lab-own"))
        titled = section_tabs(figures, self.menus, self.scrubber, self.findings, self.mistakes, above=above)
        self.tabs = tabs(titled | {"Find lr": self.find_lr, "Words": words_tab()})
        # The named settings are the lesson's, and a link or a line of code could not hold a net of one's own.
        beside_charts = knob_column([self.knobs] if self._own else [self.presets, self.knobs])
        self.show_parts(figures, one_screen(beside_charts, self.tabs), beside=[] if self._own else [self.link])
        self._connect()
        self.menus.show("near_zero", self._charts.view.near_zero)
        self.update()
        open_runs.add(self)

    def _usual_near_zero(self, config: Config) -> str:
        """Return the course's definition of near zero; abs(x) < t for a net of one's own, of any scale."""
        return "near_abs" if self._own and self._own.has_net else course_near_zero(config)

    @property
    def session(self) -> Session:
        """The run that is shown."""
        return self.run

    @property
    def run_error(self) -> str:
        """Error text: why the run diverged or failed, why it is not kept, and which settings of a link are invalid."""
        return "\n".join(filter(None, (super().run_error, self.run.notice, self.autosave.error, self._left_out)))

    @handler
    def on_step(self, _: object = None) -> None:
        """Train exactly one batch, then pause. No-op while the run goes on or after its end."""
        self.begin(lambda session: session.step())

    @handler
    def on_branch(self, _: object = None) -> None:
        """Show a branch of the run, paused at the scrubber's step; live knobs moved since an end act from there.

        The run itself ends; its curves stay, faintly, behind the branch's.
        """
        run, moved = self.run, {}
        if not self.active:
            now = self.knobs.config()
            moved = {name: getattr(now, name) for name in LIVE if getattr(now, name) != getattr(run.config, name)}
        self._go_on(run.branch(self.branching.step, **moved), lambda branch: branch.replay())

    @handler
    def on_prolong(self, _: object = None) -> None:
        """Train the finished run for more epochs."""
        self._go_on(self.run.prolong(self.branching.epochs.value), lambda run: run.start())

    def _go_on(self, run: Session, order: Callable[[Session], None]) -> None:
        """Show ``run``, which goes on from the one that is shown, and begin it by ``order``."""
        origin = run.since(-1).origin
        assert origin is not None
        self._before = after(self.run.since(-1), origin.step - 1)
        self.show_run(run)
        self.knobs.set(run.config)
        self.on_digits()
        self.begin(order)

    @handler
    def on_defaults(self, _: object = None) -> None:
        """Reset every knob to its default; those within a net of one's own to what it came with."""
        self.knobs.set(self._own.configured(DEFAULTS) if self._own else DEFAULTS)
        self.follow()

    @handler
    def on_preset(self, config: Config) -> None:
        """Set every knob to a named setting's."""
        self.knobs.set(config)
        self.follow()

    @handler
    def on_find_lr(self, _: object = None) -> None:
        """Sweep the learning rate on a copy of the net, or cancel the sweep that goes on."""
        self.find_lr.press()

    def _search_lr(self) -> LrSearch:
        if self.run.state == "ready" and self.changed():
            self.renew()
        return self.run.search_lr()

    @handler
    def on_lr_found(self, search: LrSearch) -> None:
        """Show a sweep that is over, unless another run is shown by now."""
        self.find_lr.show_result(search)

    @handler
    def on_take_lr(self, lr: float) -> None:
        """Set the learning rate to one of the sweep's."""
        self.knobs["lr"].value = lr

    @handler
    def on_knob(self, name: str, value: Any) -> None:
        """Apply a changed knob: a live one acts at once, and is reset if the run refuses it."""
        running = self.run.config
        if self.active and self.knobs[name].spec.live and value != getattr(running, name):
            try:
                self.run.change(**{name: value})
            except ConfigError:
                self.knobs[name].value = getattr(running, name)
                raise
        self._badge()
        if not self.knobs.problem:
            self._show_link()
        if self.run.state == "ready":
            self.show_status("ready", self.run.progress)
            if not self.knobs.problem:
                self.net.show_net(self.knobs.config())

    @handler
    def on_link(self, query: str) -> None:
        """Set the knobs that the page's link names, if no run has begun, and report what cannot be set."""
        if self.run.state == "ready":
            config, view, self._left_out = self.link.read(query)
            self.knobs.set(config)
            for name, choice in view.items():
                self._choose(name, choice)
            self.follow()

    def _choose(self, name: str, choice: str) -> None:
        """Set a menu of the view from a link; a layer or norm is known only once the run has begun."""
        if name in ("layer", "norm") and choice:
            self.menus.offer(name, str(self.menus[name].options[0][0]), [choice])
        if name in VIEW_MENUS and choice in [value for _, value in self.menus[name].options]:
            self.menus[name].value = choice
        else:
            self._left_out = f"{self._left_out} The view has no {name} {choice!r}.".strip()

    @handler
    def on_view(self, field: str, value: Any) -> None:
        """Redraw the charts for another x-axis, definition of near zero, layer or norm."""
        self._near_zero_chosen |= field == "near_zero"
        if field == "layer":
            self.net.layer = value
        self._see(field, value)
        if not self.knobs.problem:
            self._show_link()

    def on_zoom(self, name: str, span: Span) -> None:
        """Give a chart that was thinned the record's rows of the span that it is zoomed to."""
        with self._guard("on_zoom"):  # a page asks by itself, too: an error that is shown stays
            self._charts.zoom(name, span)

    @handler
    def on_net_layer(self, name: str) -> None:
        """Show the layer that was chosen in the drawn net in every chart that shows one layer."""
        if name not in [value for _, value in self.menus["layer"].options]:
            self.menus.offer("layer", str(self.menus["layer"].options[0][0]), [name])
        self.menus["layer"].value = name

    @handler
    def on_digits(self, _: object = None) -> None:
        """Evaluate the net on another picture, or with another digit laid over it."""
        self._watch(self.run)
        self.follow()

    @handler
    def on_digit(self, _: object = None) -> None:
        """Evaluate the net on another digit, no longer on a drawing."""
        self.net.show_example(self.menus["digit"].value)

    @handler
    def on_picture(self) -> None:
        """Evaluate the net on the picture that was chosen or drawn beside it."""
        self.menus["digit"].value = self.net.digit
        self.on_digits()

    def _watch(self, run: Session) -> None:
        run.watch(self.menus["digit"].value, self.menus["other"].value, self.net.picture)

    def update(self) -> None:
        """Show the session's new rows and its status."""
        super().update()
        record = self._charts.record
        if record.layers:  # not known before the run has started: until then the menus keep their choice
            self._offer("layer", "last layer", record.layers)
            self._offer("norm", "first norm", record.norms)
        if record.outputs:
            self.menus.name_classes(record.outputs.classes)
            self.net.name_classes(record.outputs.classes)
        self.mistakes.show(record.mistakes)
        self.branching.update()
        self._badge()

    def about(self) -> str:
        """Return the last validation's results or, before the start, the run's estimated duration, as markup."""
        if self.run.state == "ready":
            if self.knobs.problem:
                return ""
            config = self.knobs.config()
            return length_line(config, self.pace, self._own.examples(config) if self._own else None)
        record = self._charts.record
        origin = f"<span>{html.escape(origin_words(record.origin))}</span>" if record.origin else ""
        return origin + (validation_line(record.validations[-1], record.metric) if record.validations else "")

    def settings(self) -> Settings:
        """Return the run's changed settings, seed and device, and the run that it came from."""
        origin, made = self.run.since(-1).origin, super().settings()
        if self._own:
            left_out = {KNOBS[name].label for name in self._own.without_effect}
            made = {label: value for label, value in made.items() if label not in left_out}
            made["Net and data"] = self._own.words
        return made | ({"Goes on from": origin_words(origin)} if origin else {})

    def show_status(self, state: str, progress: Progress) -> None:
        """Show the run's state and progress; before the start, the epochs that are set now."""
        if state == "ready" and not self.knobs.problem:
            progress = progress._replace(epochs=self.knobs["epochs"].value)
        super().show_status(state, progress)

    def tick(self) -> bool:
        """Update the panel once; return whether to go on, which includes waiting for the run's end to be saved."""
        settled = self.autosave.settled
        return super().tick() or not settled

    def wake(self) -> None:
        """Start the tickers of the charts and of the scrubber."""
        super().wake()
        self.scrubber.wake()

    def pull(self) -> None:
        """Draw the session's new rows in the visible charts; the others are drawn later."""
        self.net.pull(self.run)  # first: after the end it is answered at once, and the chart of answers shows it
        self._charts.pull(self.run, everything=not self.active)

    def catch_up(self) -> None:
        """Draw the new rows in every chart."""
        with self._lock:
            self._charts.pull(self.run, everything=True)

    def redraw(self) -> None:
        """Draw the session's whole record."""
        self._charts.redraw(self.run)

    def what_happened(self) -> tuple[str, ...]:
        """Return what the run's record shows, a sentence each; () before its end."""
        if self.run.state not in ENDED:
            return ()
        return findings(self.run.since(-1), self.run.config, self.run.state, self._charts.view.near_zero)

    def speaker_notes(self) -> str:
        """Return what happened, for the notes of a deck's first slide."""
        return "\n".join(self.what_happened())

    def _show_findings(self) -> None:
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in self.what_happened())
        words = question_mark(FINDINGS_TERMS, "what happened")
        shown = f"<h2>What happened {words}</h2><ul>{lines}</ul>" if lines else ""
        self.findings.value = f'<div role="status">{shown}</div>'

    def on_end(self) -> None:
        """Show what happened, and the run's last rows in the scrubber, too."""
        self._show_findings()
        self.scrubber.load()

    def new_run(self) -> Session:
        """Return a new session, ready to start, with the knobs' current settings."""
        session = Session(self.knobs.config(), own=self._own)
        self._watch(session)
        return session

    def warm(self) -> None:
        """Load what the lab's own run needs: whoever has a net of one's own has torch."""
        if self._own is None:
            super().warm()

    def keep(self) -> None:
        """Save the run from now to its end."""
        self.autosave.keep(self.run)

    def kept(self) -> str:
        """Return the name under which the run is kept, as markup."""
        return self.autosave.words(self.run)

    def changed(self) -> bool:
        """Return whether a knob has moved since the session was made."""
        return self.knobs.config() != self.run.config

    def empty(self) -> None:
        """Empty the charts; until a definition of near zero is chosen, the course's follows the activation."""
        config, view = self.run.config, self._charts.view
        definition = view.near_zero if self._near_zero_chosen else self._usual_near_zero(config)
        self.menus.show("near_zero", definition)
        before, self._before = self._before, None
        view = replace(view, near_zero=definition, threshold=config.near_zero, run=view.run + 1, before=before)
        self._charts.view = view
        self._left_out = ""
        self.find_lr.clear()
        self._show_findings()
        self.net.show_net(config)
        self.redraw()
        self.scrubber.reload()

    def chart_words(self) -> Mapping[str, Words]:
        """Return chart name -> heading and help of its section."""
        return {**section_words(), "find_lr": Words.of_section(FIND_LR, FIND_LR_HELP)}

    def table(self, name: str) -> Callable[[], Table]:
        """Return a function that reads the chart's columns from the full record, not the thinned one on the page."""
        session, view, shown = self.session, self._charts.view, super().table(name)
        return lambda: run_table(name, session.since(-1), view) or shown()

    def close(self) -> None:
        """End the run and remove the panel from the page; the session's record stays."""
        open_runs.remove(self)
        self.scrubber.close()
        self.link.close()
        super().close()
        self.autosave.close()

    def _show_link(self) -> None:
        view = {name: self.menus[name].value for name in VIEW_MENUS}
        begins = {"x": "steps", "layer": "", "norm": ""} | (
            {} if self._near_zero_chosen else {"near_zero": view["near_zero"]}
        )
        self.link.show(self.knobs.config(), {name: it for name, it in view.items() if it != begins.get(name)})

    def _see(self, field: str, value: Any) -> None:
        if value != getattr(self._charts.view, field):
            self._charts.show(self.session, **{field: value})
            self.scrubber.redraw()

    def _offer(self, menu: str, first: str, rest: tuple[str, ...]) -> None:
        self.menus.offer(menu, first, rest)
        self._see(menu, self.menus[menu].value)

    def _badge(self) -> None:
        self.knobs.compare(self.run.config if self.active else None)

    def on_tab(self, _: object = None) -> None:
        """Have the scrubber work only while its tab is open."""
        if self.tabs.titles[self.tabs.selected_index or 0] == ANY_STEP:
            self.scrubber.begin()
        else:
            self.scrubber.rest()

    def _connect(self) -> None:
        self.find_lr.button.on_click(self.on_find_lr)
        self.tabs.observe(self.on_tab, "selected_index")
        self.net.on_layer(self.on_net_layer)
        self._charts.on_zoom(self.on_zoom)
        self.net.on_picture(self.on_picture)
        for name, menu in self.menus.items():
            if name in ("digit", "other"):
                menu.observe(self.on_digit if name == "digit" else self.on_digits, "value")
            else:
                self.menus.on_choice(name, self.on_view)
        self.branching.branch.on_click(self.on_branch)
        self.branching.prolong.on_click(self.on_prolong)
        self.knobs.on_change(self.on_knob)
        self.link.on_query(self.on_link)
