"""Import torch and load the data ahead of the first Start. Imports no torch until it is called."""

import logging
import threading

from lab.config import DEFAULTS, Config

log = logging.getLogger(__name__)


def warm(config: Config = DEFAULTS) -> threading.Thread:
    """Import torch and load the data in the background, so that the first Start does not wait for them."""

    def work() -> None:
        try:
            from lab.assembly import warm_up

            warm_up(config)
        except Exception:
            # The same error is raised again when a run is started; nobody has asked for one yet.
            log.info("warming up failed", exc_info=True)

    thread = threading.Thread(target=work, name="lab-warm", daemon=True)
    thread.start()
    return thread
