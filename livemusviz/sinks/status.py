"""Carries an `OutputStatus` from a sink's process to the show, as the fixed payload of a ring."""

from __future__ import annotations

import json
from dataclasses import asdict

from livemusviz.bridge.outputs import OutputStatus

STATUS_BYTES = 2560
MOST_TEXT = 200  # characters of a message


def pack_output_status(status: OutputStatus) -> bytes:
    """Return `STATUS_BYTES` bytes; long texts are cut."""
    fields = asdict(status)
    fields["message"], fields["target"] = status.message[:MOST_TEXT], status.target[:MOST_TEXT]
    return json.dumps(fields, ensure_ascii=False).encode().ljust(STATUS_BYTES)


def unpack_output_status(data: bytes) -> OutputStatus:
    """Return the status that `pack_output_status` made `data` of."""
    return OutputStatus(**json.loads(data))
