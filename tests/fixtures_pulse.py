"""A sound card made of PulseAudio: a private server with a null sink, whose monitor is an audio input.

The fixture `pulse` gives a running `PulseServer`. `pulse.env` is the environment of a program that is to hear it; the
input is called `pulse.input`. The server has its own folder, socket and configuration and touches nobody else's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SINK = "gig"
RATE = 48000
START_PATIENCE = 10.0  # s

ALSA = """\
</usr/share/alsa/alsa.conf>
pcm.!default {{ type pulse  server "{server}"  hint {{ show on  description "{name}" }} }}
ctl.!default {{ type pulse  server "{server}" }}
pcm.{name} {{ type pulse  server "{server}"  device "{name}.monitor"  hint {{ show on  description "{name}" }} }}
"""


class PulseServer:
    """`start` and `stop` may be called in turn; `close` ends everything and removes the folder."""

    input = SINK  # what --input takes

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pulse-"))  # short: a socket's path may have 107 characters
        self.server = f"unix:{self.folder}/native"
        config = self.folder / "asound.conf"
        config.write_text(ALSA.format(server=self.server, name=SINK))
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULSE_", "ALSA_", "DBUS_"))}
        self.env = kept | {
            "PULSE_SERVER": self.server,
            "PULSE_RUNTIME_PATH": str(self.folder),
            "PULSE_STATE_PATH": str(self.folder),
            "PULSE_CONFIG_PATH": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "ALSA_CONFIG_PATH": str(config),
        }
        self._daemon: subprocess.Popen[bytes] | None = None
        self._players: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Run the server with its null sink; returns once it answers."""
        (self.folder / "native").unlink(missing_ok=True)
        modules = (
            f"load-module module-native-protocol-unix auth-anonymous=1 socket={self.folder}/native\n"
            f"load-module module-null-sink sink_name={SINK} rate={RATE} channels=2 norewinds=1\n"
        )
        script = self.folder / "gig.pa"
        script.write_text(modules)
        options = ("-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disallow-exit=no")
        with (self.folder / "log").open("ab") as log:
            self._daemon = subprocess.Popen(
                ["pulseaudio", *options, "--file", str(script)],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + START_PATIENCE
        while self._ask("list", "short", "sinks").find(SINK) < 0:
            if self._daemon.poll() is not None or time.monotonic() > until:
                raise RuntimeError("PulseAudio does not start: " + (self.folder / "log").read_text()[-2000:])
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server at once, as if the sound card had been pulled out."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait(5.0)
            self._daemon = None

    def add_many(self, name: str, channels: int) -> None:
        """Add a sink, and with it an input `name`, whose channels are no left or right or anything else."""
        places = ",".join(f"aux{n}" for n in range(channels))
        self._ask(
            "load-module", "module-null-sink", f"sink_name={name}", f"rate={RATE}", f"channels={channels}",
            f"channel_map={places}", "norewinds=1",
        )  # fmt: skip
        with (self.folder / "asound.conf").open("a") as config:
            hint = f'hint {{ show on  description "{name}" }}'
            config.write(f'pcm.{name} {{ type pulse  server "{self.server}"  device "{name}.monitor"  {hint} }}\n')

    def pull(self) -> None:
        """Take the null sink away and leave the server."""
        self._ask("unload-module", "module-null-sink")

    def plug(self) -> None:
        """Bring the null sink back."""
        self._ask("load-module", "module-null-sink", f"sink_name={SINK}", f"rate={RATE}", "channels=2", "norewinds=1")

    def play(self, path: Path, sink: str = SINK, *options: str) -> subprocess.Popen[bytes]:
        """Play a WAV file into a sink; returns at once.

        With less latency than this the player itself runs dry on a busy machine, and its holes are onsets.
        """
        player = subprocess.Popen(
            ["paplay", f"--device={sink}", "--latency-msec=200", *options, str(path)],
            env=self.env,
            stderr=subprocess.DEVNULL,
        )
        self._players.append(player)
        return player

    def close(self) -> None:
        for player in self._players:
            player.kill()
            player.wait(5.0)
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ask(self, *command: str) -> str:
        done = subprocess.run(
            ["pactl", *command], env=self.env, capture_output=True, text=True, timeout=START_PATIENCE, check=False
        )
        return done.stdout


@pytest.fixture
def pulse() -> Iterator[PulseServer]:
    """A running server; skipped only where PulseAudio is not installed."""
    if any(shutil.which(program) is None for program in ("pulseaudio", "pactl", "paplay")):
        pytest.skip("PulseAudio is not installed")
    server = PulseServer()
    try:
        server.start()
        yield server
    finally:
        server.close()
