"""A second client on a served page's kernel: reads what the page's panel has recorded, for comparison with the page."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psutil
from jupyter_client.blocking.client import BlockingKernelClient

TIMEOUT = 60
FIND_PANEL = """
import gc, json
import numpy as np
panel = next(o for o in gc.get_objects() if type(o).__name__ == "TrainingPanel")
def plain(value):
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return "nan" if isinstance(value, float) and value != value else value
"""


class Kernel:
    """``kernel.value("panel.session.state")``: an expression in the kernel, as JSON brings it here."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def run(self, code: str) -> None:
        self._reply(code, {})

    def value(self, expression: str) -> Any:
        result = self._reply("", {"it": f"json.dumps(plain({expression}))"})["it"]
        assert result["status"] == "ok", result
        return json.loads(eval(result["data"]["text/plain"]))

    def _reply(self, code: str, expressions: dict[str, str]) -> dict[str, Any]:
        # An error must not have the kernel drop what others have asked of it meanwhile: the page's own cell, say.
        asked = self._client.execute(
            code, silent=True, store_history=False, user_expressions=expressions, stop_on_error=False
        )
        while True:
            reply = self._client.get_shell_msg(timeout=TIMEOUT)
            if reply["parent_header"].get("msg_id") == asked:
                break
        assert reply["content"]["status"] == "ok", reply["content"]
        values: dict[str, Any] = reply["content"]["user_expressions"]
        return values


def kernels(server_pid: int) -> list[psutil.Process]:
    """The kernels of a server, oldest first."""
    children = psutil.Process(server_pid).children(recursive=True)
    found = [child for child in children if "ipykernel_launcher" in " ".join(child.cmdline())]
    return sorted(found, key=lambda process: float(process.create_time()))


@contextmanager
def newest_kernel(server_pid: int) -> Generator[Kernel]:
    """The kernel that a server has started last, with a TrainingPanel in it."""
    words = kernels(server_pid)[-1].cmdline()
    client = BlockingKernelClient(connection_file=words[words.index("-f") + 1])
    client.load_connection_file()
    client.start_channels(iopub=False, stdin=False, hb=False)
    try:
        kernel = Kernel(client)
        kernel.run(FIND_PANEL)
        yield kernel
    finally:
        client.stop_channels()
