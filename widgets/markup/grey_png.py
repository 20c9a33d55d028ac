"""Encode a grey picture as a PNG data URI for an <img>. W3C, "Portable Network Graphics", 3rd edition."""

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY = struct.pack(">5B", 8, 0, 0, 0, 0)
"""PNG header fields: 8-bit grey, the only compression and filter methods defined, not interlaced."""


def data_uri(picture: NDArray[np.floating]) -> str:
    """Return ``picture`` (height, width), 0 white to 1 black, as a PNG data URI; values outside are clipped."""
    height, width = picture.shape
    grey = np.round(255 * (1 - np.clip(picture, 0, 1))).astype(np.uint8)
    # Each row begins with its filter, 0: none.
    rows = np.hstack([np.zeros((height, 1), np.uint8), grey]).tobytes()
    header = _chunk(b"IHDR", struct.pack(">II", width, height) + _GREY)
    data = _SIGNATURE + header + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
