"""A kernel seen from outside: one started here, or the one behind a page; code runs in it, expressions are read."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from playwright.sync_api import Page

from benchmarks import processes


class Kernel:
    """``kernel.run("x = 1")``, ``kernel.value("x + 1")``.

    Attributes:
        pid: of its process.
        file: its connection file, for a client more.
    """

    def __init__(self, client: BlockingKernelClient, pid: int, file: str) -> None:
        self._client = client
        self.pid = pid
        self.file = file

    def run(self, code: str) -> None:
        """Run code in it, and wait for its end.

        Raises:
            RuntimeError: with the error of the code.
            TimeoutError: when there is no answer.
        """
        self._reply(code, {})

    def value(self, expression: str) -> Any:
        """What ``expression`` is, as JSON brings it here.

        Raises:
            RuntimeError, TimeoutError: as :meth:`run`.
        """
        result = self._reply("", {"it": f"__import__('json').dumps({expression})"})["it"]
        if result["status"] != "ok":
            raise RuntimeError(f"{expression}: {result['ename']}: {result['evalue']}")
        return json.loads(eval(result["data"]["text/plain"]))

    def _reply(self, code: str, expressions: dict[str, str]) -> dict[str, Any]:
        asked = self._client.execute(code, silent=True, store_history=False, user_expressions=expressions)
        deadline = time.monotonic() + processes.PATIENCE
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"the kernel has not answered for {processes.PATIENCE:.0f} s: {code[:200]}")
            reply = self._client.get_shell_msg(timeout=left)
            if reply["parent_header"].get("msg_id") == asked:
                break
        content = reply["content"]
        if content["status"] != "ok":
            raise RuntimeError("\n".join(content["traceback"]))
        values: dict[str, Any] = content["user_expressions"]
        return values


@contextmanager
def connected(file: str, pid: int) -> Iterator[Kernel]:
    """A client more on the kernel with this connection file."""
    client = BlockingKernelClient(connection_file=file)
    client.load_connection_file()
    client.start_channels(iopub=False, stdin=False, hb=False)
    try:
        yield Kernel(client, pid, file)
    finally:
        client.stop_channels()


@contextmanager
def started(home: Path) -> Iterator[Kernel]:
    """A new kernel, ended with the block. It inherits the threads' settings as a served one does."""
    manager = KernelManager(kernel_name="python3")
    with processes.ended_by_sigterm():
        try:
            manager.start_kernel(
                env=processes.environment(home),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=str(Path.cwd()),
            )
            with connected(manager.connection_file, manager.provisioner.pid) as kernel:  # type: ignore[union-attr]
                kernel.run("")
                yield kernel
        finally:
            manager.shutdown_kernel(now=True)


@contextmanager
def behind(page: Page, server: processes.Server) -> Iterator[Kernel]:
    """The kernel of a page that ``server`` has served.

    Raises:
        RuntimeError: when it has none.
    """
    own = json.loads(page.locator("#jupyter-config-data").inner_text())["kernelId"]
    for pid in processes.descendants(server.pid):
        file = processes.connection_file(pid)
        if file and own in file:
            with connected(file, pid) as kernel:
                yield kernel
            return
    raise RuntimeError(f"the server has no kernel {own}")
