"""A page without a screen: takes what a kernel sends, and answers as figure/js/figure.js does, but draws nothing."""

import queue
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient

from benchmarks import processes

Message = dict[str, Any]


class FigureReader:
    """What the page's half of one LiveFigure answers.

    Args:
        page: number -> every figure of this page, of one kernel; this one is added when it is first drawn.
        comm: of its messages.

    Attributes:
        drawn: messages that brought it something to draw.
        number: the kernel's of it; "" until it is drawn.
    """

    def __init__(self, page: "dict[str, FigureReader]", comm: str = "") -> None:
        self.drawn = 0
        self.comm = comm
        self._page = page
        self.number = ""
        self._seq: int | None = None
        self._acked = 0
        self._resyncing = False

    def answers(self, message: Message) -> list[Message]:
        """Take one message from the kernel."""
        kind = message["type"]
        if kind == "ping":
            return [{"type": "ack", "seq": self._seq} if self._seq == message["seq"] else {"type": "ready"}]
        if kind not in ("draw", "append"):
            return []
        seq = int(message["seq"])
        if kind == "draw":
            self._resyncing = False
            self.number = str(message["me"][1])
            self._page[self.number] = self
        elif self._seq is None or seq <= self._seq:
            return []
        elif seq != self._seq + 1:
            asked, self._resyncing = self._resyncing, True
            return [] if asked else [{"type": "ready"}]
        self._seq = seq
        self.drawn += 1
        return [self.acknowledge()] if kind == "draw" else []

    @property
    def owes(self) -> bool:
        """Whether an answer is due."""
        return self._seq is not None and self._seq >= self._acked + 2

    def acknowledge(self) -> Message:
        """One answer for all figures of the page that lack one."""
        others = {}
        for number, other in self._page.items():
            if other is not self and other._seq is not None and other._seq > other._acked:
                others[number] = other._acked = other._seq
        assert self._seq is not None
        self._acked = self._seq
        return {"type": "ack", "seq": self._seq, "others": others}


def answers_of(figure: FigureReader, message: Message, page: dict[str, FigureReader]) -> list[tuple[str, Message]]:
    """Take what a kernel tells one figure, or several at once; (comm, answer), in their order."""
    parts = [(figure, message)]
    if message["type"] == "many":
        parts = [(page[str(number)], part) for number, part, _ in message["parts"] if str(number) in page]
    said = [(of.comm, answer) for of, part in parts for answer in of.answers(part)]
    owing = next((of for of, _ in parts if of.owes), None)
    return [*said, (owing.comm, owing.acknowledge())] if owing else said


def sight(figures: Mapping[str, FigureReader], labels: Collection[str]) -> Message:
    """What a page says that has those of ``figures`` (by label) in sight which are among ``labels``."""
    seen = {figure.number: label in labels for label, figure in figures.items() if figure.number}
    return {"type": "seen", "page": "reader", "figures": seen}


class Reader:
    """Reads all that a kernel publishes, in a thread of its own.

    Attributes:
        figures: label -> reader, of each LiveFigure that was made since it began to listen.
        bytes: of the messages' frames so far, headers included; what tells how a request to run code fares is left out.
    """

    def __init__(self, client: BlockingKernelClient) -> None:
        self.figures: dict[str, FigureReader] = {}
        self.bytes = 0
        self._error = ""
        self._wanted = False
        self._asked: str | None = None
        self._taken = self._taken_before = 0
        self._muted = threading.Event()
        self._client = client
        self._readers: dict[str, FigureReader] = {}  # by comm
        self._page: dict[str, FigureReader] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._read, name="reader", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read no more."""
        self._end.set()
        self._thread.join()

    def see(self, labels: Collection[str]) -> None:
        """Tell the kernel that the page has figures with these labels in sight, and no others."""
        first = next(iter(self.figures.values()))
        self._say(first.comm, sight(self.figures, labels))

    def check(self) -> None:
        """Whether all was read.

        Raises:
            RuntimeError: when the reading has failed.
        """
        if self._error:
            raise RuntimeError(f"the page's reader failed: {self._error}")

    def quiet(self) -> None:
        """Wait until the kernel has heard every answer, and has sent nothing since.

        Raises:
            RuntimeError: as :meth:`check`.
            TimeoutError: when there is no end to it.
        """
        self._muted.clear()
        self._wanted = True
        heard = self._muted.wait(processes.PATIENCE)
        self.check()
        if not heard:
            raise TimeoutError(f"the kernel has not stopped sending for {processes.PATIENCE:.0f} s")

    def _read(self) -> None:
        try:
            socket = self._client.iopub_channel.socket
            while not self._end.is_set():
                if self._wanted and not self._asked:
                    self._ask()
                if not socket.poll(20):
                    continue
                frames = socket.recv_multipart(copy=False)
                _, parts = self._client.session.feed_identities(frames, copy=False)
                message = self._client.session.deserialize(parts, content=True, copy=False)
                if self._asked and message["parent_header"].get("msg_id") == self._asked:
                    self._hear_back(message)
                elif message["msg_type"] != "status" or message["parent_header"].get("msg_type") == "comm_msg":
                    self.bytes += sum(len(frame) for frame in frames)
                    self._take(message)
        except Exception as error:
            self._error = f"{type(error).__name__}: {error}"
            self._muted.set()
            raise

    def _ask(self) -> None:
        """A question comes after all answers so far, and what the kernel says of it after all that it has sent."""
        self._asked = self._client.kernel_info()
        self._taken_before = self._taken

    def _hear_back(self, message: Message) -> None:
        if message["content"].get("execution_state") != "idle":
            return
        self._asked = None
        if self._taken == self._taken_before:
            self._wanted = False
            self._muted.set()

    def _take(self, message: Message) -> None:
        kind, content = message["msg_type"], message["content"]
        self._taken += kind.startswith("comm_")
        if kind == "comm_open":
            state = content["data"].get("state", {})
            if not str(state.get("_anywidget_id", "")).endswith("LiveFigure"):
                return
            if not self._readers:
                self._say(content["comm_id"], {"type": "library"})
            self._readers[content["comm_id"]] = self.figures[state["label"]] = FigureReader(
                self._page, content["comm_id"]
            )
            self._say(content["comm_id"], {"type": "ready"})
        elif kind == "comm_msg" and content["data"].get("method") == "custom":
            reader = self._readers.get(content["comm_id"])
            for comm, answer in answers_of(reader, content["data"]["content"], self._page) if reader else ():
                self._say(comm, answer)

    def _say(self, comm_id: str, content: Message) -> None:
        data = {"method": "custom", "content": content}
        message = self._client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
        self._client.shell_channel.send(message)


@contextmanager
def reading(file: str) -> Iterator[Reader]:
    """Read what the kernel with this connection file publishes, until the block ends.

    Raises:
        TimeoutError: when the kernel cannot be heard.
    """
    client = BlockingKernelClient(connection_file=file)
    client.load_connection_file()
    client.start_channels(stdin=False, hb=False)
    reader = None
    try:
        _wait_until_heard(client)
        reader = Reader(client)
        yield reader
    finally:
        if reader:
            reader.close()
        client.stop_channels()


def _wait_until_heard(client: BlockingKernelClient) -> None:
    """A subscription takes a moment, and what is published before it is lost."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        client.kernel_info()
        try:
            client.get_iopub_msg(timeout=0.5)
            return
        except queue.Empty:
            continue
    raise TimeoutError("nothing of what the kernel publishes has come for 20 s")
