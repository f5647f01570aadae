"""The body of a spawned process that tells how nice it was when it was imported, and is."""

import os
from multiprocessing.connection import Connection

imported_at = os.getpriority(os.PRIO_PROCESS, 0)


def run(pipe: Connection) -> None:
    pipe.send((imported_at, os.getpriority(os.PRIO_PROCESS, 0)))
