"""How a panel ends what it runs."""

import threading
from typing import Protocol


class Stoppable(Protocol):
    """What runs in a thread of its own."""

    def stop(self) -> None: ...

    def close(self) -> None: ...


def end(run: Stoppable) -> None:
    """Stop it at once; wait for its thread elsewhere, since it may be importing torch."""
    run.stop()
    threading.Thread(target=run.close, name="lab-close", daemon=True).start()
