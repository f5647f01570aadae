"""Run the test suite as two processes side by side; arguments are pytest's.

Most tests compute. Others wait: for clocks, devices, other programs. Those have the machine's usual priority, the
computing ones a low one and a single BLAS thread, so that a wait is not prolonged by them. Each prints its report; the
exit status is 0 if both succeed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WAITING = (
    *("audio", "benchmarks", "bridge", "control", "faults", "live", "record", "sinks", "sources", "system"),
    *("display/test_loop.py", "display/test_window.py"),
    *("test_ending.py", "test_library.py", "test_machine.py", "test_platforms.py"),
)
"""Folders and files under tests/ whose tests wait; every other test computes."""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
NOTHING_COLLECTED = 5  # pytest's exit status


def main(options: list[str]) -> int:
    """Run both with `options`. Returns the exit status."""
    waiting = [f"tests/{name}" for name in WAITING]
    missing = [path for path in waiting if not (ROOT / path).exists()]
    if missing:
        sys.exit(f"scripts/test.py: not there: {', '.join(missing)}")
    pytest = [sys.executable, "-m", "pytest", *options]
    lower = ["nice", "-n", "10"] if shutil.which("nice") else []
    with tempfile.TemporaryFile() as report:
        computing = subprocess.Popen(  # noqa: S603
            [*lower, *pytest, "tests", *(f"--ignore={path}" for path in waiting), "-p", "no:cacheprovider"],
            cwd=ROOT, env={**os.environ, **ONE_THREAD}, stdout=report, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            statuses = [subprocess.run([*pytest, *waiting], cwd=ROOT).returncode]  # noqa: S603
            statuses.append(computing.wait())
        finally:
            computing.kill()
        report.seek(0)
        print(report.read().decode(errors="replace"), flush=True)
    if all(status == NOTHING_COLLECTED for status in statuses):
        return NOTHING_COLLECTED
    return max(0 if status == NOTHING_COLLECTED else status for status in statuses)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
