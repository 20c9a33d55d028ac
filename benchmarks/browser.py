"""The system's Chromium on a served page, and what that page has transferred."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""As the tests have them: nothing of the browser's own on the network or on a graphics card."""

TRAINING = "/voila/render/training.ipynb"
LOSS = "Training and validation loss over time"
TIMEOUT = 60_000
"""Milliseconds, for whatever is awaited on a page."""


class Traffic:
    """Bytes that a page has received: bodies and headers as they travelled, and what came by its sockets."""

    def __init__(self, session: CDPSession) -> None:
        self.bytes = 0
        session.send("Network.enable")
        session.on("Network.loadingFinished", self._finished)
        session.on("Network.webSocketFrameReceived", self._frame)

    def _finished(self, event: dict[str, Any]) -> None:
        self.bytes += int(event["encodedDataLength"])

    def _frame(self, event: dict[str, Any]) -> None:
        frame = event["response"]
        payload = base64.b64decode(frame["payloadData"]) if frame["opcode"] == 2 else frame["payloadData"].encode()
        self.bytes += len(payload)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, closed with the block.

    Raises:
        RuntimeError: when there is none here.
    """
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise RuntimeError("there is no Chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def new_page(browser: Browser) -> Iterator[tuple[Page, Traffic]]:
    """A page, 1440 x 900, with nothing in its cache; closed as a person closes it, so that its kernel ends."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    traffic = Traffic(context.new_cdp_session(page))
    try:
        yield page, traffic
    finally:
        page.close(run_before_unload=True)
        context.close()


def wait_until_ready(page: Page) -> None:
    """Wait until the loss is drawn and Start can be pressed."""
    page.wait_for_function(f"document.querySelector('[aria-label=\"{LOSS}\"]')?.dataset.seq")
    page.get_by_role("button", name="Start").and_(page.locator(":enabled")).wait_for()
