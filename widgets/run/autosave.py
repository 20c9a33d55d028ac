"""Save every run that a training panel starts to the library."""

import html

from lab.kept import KeptError, Library, RunWriter
from lab.session import Session

CLOSE_SECONDS = 10.0
"""Maximum wait for the last flush when a panel is closed (s): a disk may hang."""


class AutoSave:
    """Writer of one run after the other to the library; a run that cannot be saved goes on training."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._writer: RunWriter | None = None
        self._refusal = ""

    def keep(self, session: Session) -> None:
        """Save ``session``'s run until it ends; the previous run is still saved to its own end."""
        if session is self._session:
            return
        self._session, self._writer, self._refusal = session, None, ""
        try:
            self._writer = Library().keep(session)
        except KeptError as error:
            self._refusal = f"This run is not kept: {error}"

    @property
    def error(self) -> str:
        """Error text: why the run is not saved, or only in part; empty if it is saved."""
        return self._writer.error if self._writer else self._refusal

    @property
    def settled(self) -> bool:
        """True once :attr:`error` is final: the run's end was written, or the attempt failed."""
        return self._writer is None or self._writer.settled

    def words(self, session: Session) -> str:
        """Return the name under which ``session``'s run is kept, as markup for a status line."""
        name = html.escape(self._writer.name) if self._writer and session is self._session else ""
        return f'<span class="lab-kept-as" title="{name}">kept as <b>{name or "–"}</b></span>'

    def close(self) -> None:
        """Write the remaining rows, once the run has ended."""
        if self._writer is not None:
            self._writer.close(CLOSE_SECONDS)
