"""Ends the process at the end of the program. Main thread.

Python takes itself down at its end while daemon threads are still in native code: a model that is loading then calls
`std::terminate`, and the exit status is 134 or 139 instead of the program's own.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress


def end_process(status: int, error: Exception | None = None) -> int:
    """Return `status`, or end the process with it here and now if a daemon thread is still at work.

    Other threads are waited for first. What was printed and logged is written out.
    error : one on its way to the top, where Python would print it.
    """
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if not any(thread.daemon for thread in others):
        return status
    for thread in others:
        if not thread.daemon:
            thread.join()
    if error is not None:
        sys.excepthook(type(error), error, error.__traceback__)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or its reader has gone
            stream.flush()
    os._exit(status)
