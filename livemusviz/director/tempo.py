"""Keeps one position in beats, led by one of several tempo sources. Pure; time is an argument, in seconds.

The position is whole on the beat and 0 at the start of a bar. The leading source is Ableton Link, a MIDI clock, the
performer's taps, or the tempo of the audio. Without any of them the last tempo goes on, so there is always a next bar.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace

from livemusviz.bridge.control import ExternalTempo
from livemusviz.bridge.features import BEATS_A_BAR, AudioFeatures
from livemusviz.curves import phase_error
from livemusviz.errors import UserError

MIN_BPM, MAX_BPM = 20.0, 300.0
TAPS = 8  # taps that the tempo is computed from
TAP_PAUSE = 60.0 / 27.0  # s; a longer pause begins a new series, so 27 bpm is the slowest tempo that can be tapped
SAME = 0.08  # relative; a tapped tempo this close to an octave of the audio's means that octave
SURE = 0.5  # confidence above which the audio's tempo leads by itself
PULL = 0.25  # s, time constant with which the position follows the audio's beat
GRACE = 0.08  # s; a change this late after a boundary still belongs to it
CELLS = {"beat": 1, "bar": 1, "2_bar": 2, "4_bar": 4}  # beats for "beat", bars for the others
OCTAVES = (0.25, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Beat:
    """Holds the beat at one moment.

    bpm : > 0.
    beat : position in beats.
    beats_per_bar : 1..16.
    source : "link", "midi", "tap", "audio", or "free" for none.
    """

    bpm: float
    beat: float
    beats_per_bar: int
    source: str

    @property
    def phase(self) -> float:
        """Return the phase of the beat, [0, 1), 0 on the beat."""
        return self.beat % 1.0

    @property
    def bar_phase(self) -> float:
        """Return the phase of the bar, [0, 1), 0 on its first beat."""
        return self.beat / self.beats_per_bar % 1.0

    def cell(self, quantise: str, late: float = 0.0) -> int | None:
        """Return the number of the cell that the moment `late` seconds before this one lies in; None for "none".

        quantise : "beat", "bar", "2_bar" or "4_bar", the length of a cell.
        """
        if quantise not in CELLS:
            return None
        length = 1 if quantise == "beat" else CELLS[quantise] * self.beats_per_bar
        return math.floor((self.beat - late * self.bpm / 60.0) / length + 1e-6)


@dataclass(frozen=True, slots=True)
class Proposal:
    """Holds the performer's wishes for a tempo that other programs share (Link). None is no change."""

    bpm: float | None = None
    beat: float | None = None


class Tempo:
    """Follows the leading source. Call `step` once a display frame; gestures in between take effect at once.

    A gesture counts from the time it was made, which may lie a little before the last `step`.
    """

    def __init__(self, bpm: float = 120.0, now: float = 0.0) -> None:
        self.wanted = "auto"  # or the one source that may lead
        self.beats_per_bar = 4
        self._bpm, self._beat, self._time = bpm, 0.0, now
        self._source = "free"
        self._octave = 1.0
        self._octave_by_hand = False  # then it follows the audio when that takes another octave
        self._audio_bpm = 0.0
        self._audio_phase: float | None = None
        self._audio_beat = 0.0  # position by the beats of the audio alone, before the octave
        self._audio_bar = 0.0  # position in the bar of the audio, beats
        self._bars_by_hand = False  # the performer has set where the bar begins
        self._tapped = False
        self._taps: deque[float] = deque(maxlen=TAPS)
        self._proposal = Proposal()

    def now(self) -> Beat:
        """Return the beat as of the last `step` or gesture."""
        return Beat(self._bpm, self._beat, self.beats_per_bar, self._source)

    def step(
        self,
        now: float,
        features: AudioFeatures,
        link: ExternalTempo | None = None,
        midi: ExternalTempo | None = None,
    ) -> Beat:
        """Advance to `now` and follow the leading source."""
        dt = self._run(now)
        self._source = self._leader(features, link, midi)
        outside = {"link": link, "midi": midi}.get(self._source)
        self._listen(features, now)
        if outside is not None:
            self._bpm = min(max(outside.bpm, MIN_BPM), MAX_BPM)
            if outside.rolling:  # else the song stands still and the beat runs on: changes still come due
                self._beat = outside.beat + (now - outside.time) * self._bpm / 60.0
        elif self._source == "audio":
            self._track_leader(dt)
        return self.now()

    def lead(self, wanted: str) -> None:
        """Choose the source that may lead, or "auto".

        Choosing "audio" or "auto" again forgets the taps.
        """
        self._bars_by_hand = False
        if wanted in ("audio", "auto"):
            self._tapped = False
        if wanted == "tap":
            self._tapped = True
        self.wanted = wanted

    def take_proposal(self) -> Proposal:
        """Return the wishes for a shared tempo since the last call."""
        taken, self._proposal = self._proposal, Proposal()
        return taken

    # --- gestures -------------------------------------------------------------------------------

    def tap(self, now: float) -> None:
        """Take a tap on the beat. Two taps give a tempo; each gives the phase."""
        self._own("taps")
        if self._taps and not 0.0 < now - self._taps[-1] <= TAP_PAUSE:
            self._taps.clear()
        self._taps.append(now)
        self._run(now)
        bpm = _tapped_bpm(self._taps)
        if bpm is not None and MIN_BPM <= bpm <= MAX_BPM and not self._corrects_octave(bpm):
            self._take(bpm)
        since = (self._time - now) * self._bpm / 60.0
        self._place(round(self._beat - since) + since)

    def set_bpm(self, bpm: float, now: float) -> None:
        """Set the tempo from now on; the position does not jump."""
        self._own("a tempo")
        self._run(now)
        self._take(bpm)

    def nudge(self, beats: float, now: float) -> None:
        """Move the beat once, by `beats`."""
        self._own("a nudge")
        self._run(now)
        self._place(self._beat + beats)

    def scale(self, factor: float, now: float) -> None:
        """Double (2) or halve (0.5) the tempo; of the audio's tempo, correct the octave. UserError out of range."""
        self._own("double and half")
        self._run(now)
        bpm = self._bpm * factor
        if not MIN_BPM <= bpm <= MAX_BPM:
            raise UserError(f"tempo: {bpm:.0f} bpm is outside {MIN_BPM:g}..{MAX_BPM:g}")
        if self._source == "audio":
            octave = self._octave * factor
            if octave not in OCTAVES:
                raise UserError("tempo: that far from the tempo of the audio; tap it instead")
            self._octave, self._octave_by_hand = octave, True
            self._bpm = bpm
        else:
            self._take(bpm)
        self._place(self._beat * factor)

    def resync(self, now: float) -> None:
        """Begin a bar now."""
        self._own("a resync")
        self._run(now)
        if self._source == "audio":  # the phase of the audio is kept, the count begins anew
            self._bars_by_hand = True
            self._place(self._beat - round(self._beat))
        else:
            self._place((self._time - now) * self._bpm / 60.0)

    # --- inside ---------------------------------------------------------------------------------

    def _run(self, now: float) -> float:
        dt = max(0.0, now - self._time)
        self._time = max(self._time, now)
        self._beat += dt * self._bpm / 60.0
        return dt

    def _leader(self, features: AudioFeatures, link: ExternalTempo | None, midi: ExternalTempo | None) -> str:
        audible = features.bpm > 0.0 and features.bpm_confidence >= (SURE if self.wanted == "auto" else 0.0)
        there = {"link": link is not None and link.peers > 0, "midi": midi is not None}
        there |= {"tap": self._tapped, "audio": audible}
        if self.wanted == "link":  # alone on the network it is still ours to share
            there["link"] = link is not None
        candidates = ("link", "midi", "tap", "audio") if self.wanted == "auto" else (self.wanted,)
        return next((source for source in candidates if there[source]), "free")

    def _listen(self, features: AudioFeatures, now: float) -> None:
        """Unwrap the audio's phase into a position."""
        if features.bpm <= 0.0:
            self._audio_bpm = 0.0
            self._audio_phase = None
            return
        if self._octave_by_hand:
            self._keep_octave(features.bpm)
        self._audio_bpm = features.bpm
        since = max(0.0, now - features.time) * features.bpm / 60.0
        phase = (features.beat_phase + since) % 1.0
        self._audio_bar = features.bar_phase * BEATS_A_BAR + since
        if self._audio_phase is None:
            self._audio_beat = round(self._beat / self._octave - phase) + phase
        else:
            self._audio_beat += phase_error(phase - self._audio_phase)
        self._audio_phase = phase

    def _keep_octave(self, bpm: float) -> None:
        """Keep the tempo that was corrected by hand where the audio's, `bpm`, has become its double or its half."""
        for factor in (0.5, 2.0):
            octave = self._octave * factor
            if octave in OCTAVES and abs(bpm * octave / self._bpm - 1.0) < SAME:
                self._octave = octave
                self._audio_phase = None  # its beats are others now: count anew from the position

    def _track_leader(self, dt: float) -> None:
        """Pull the position towards the audio's beat, never backwards."""
        self._bpm = min(max(self._audio_bpm * self._octave, MIN_BPM), MAX_BPM)
        error = phase_error(self._audio_beat * self._octave - self._beat)
        self._beat += max(-dt * self._bpm / 60.0, error * (1.0 - math.exp(-dt / PULL)))
        if self._octave == 1.0 and self.beats_per_bar == BEATS_A_BAR and not self._bars_by_hand:
            off = round(self._audio_bar - self._beat) % BEATS_A_BAR
            self._beat += off if off <= BEATS_A_BAR // 2 else off - BEATS_A_BAR

    def _corrects_octave(self, bpm: float) -> bool:
        """Return True if a tapped tempo only corrects the octave of the audio's tempo."""
        if self._source != "audio" or self._audio_bpm <= 0.0:
            return False
        octave = min(OCTAVES, key=lambda octave: abs(math.log(bpm / (self._audio_bpm * octave))))
        if abs(bpm / (self._audio_bpm * octave) - 1.0) > SAME:
            return self.wanted == "audio"  # only the audio may lead
        self._octave, self._octave_by_hand = octave, True
        self._bpm = self._audio_bpm * octave
        return True

    def _take(self, bpm: float) -> None:
        if self._source == "link":
            self._proposal = Proposal(bpm, self._proposal.beat)
        elif self.wanted in ("auto", "tap"):
            self._tapped = True
            self._source = "tap"
        self._bpm = bpm

    def _place(self, beat: float) -> None:
        self._beat = beat
        if self._source == "link":
            self._proposal = Proposal(self._proposal.bpm, beat)
        elif self._source == "audio":
            self._audio_phase = None

    def _own(self, what: str) -> None:
        if self._source == "midi":
            raise UserError(f"tempo: {what} cannot move a MIDI clock; /tempo/source tap takes over from it")


def with_tempo(features: AudioFeatures, beat: Beat, now: float) -> AudioFeatures:
    """Return `features` with the leading tempo (as of `now`, s) in place of the audio's; unchanged while none leads."""
    if beat.source == "free":
        return features
    then = beat.beat - (now - features.time) * beat.bpm / 60.0  # the features are a little older than the moment
    if beat.source == "audio" and beat.bpm == features.bpm:  # only the bars may be another's
        then = round(then - features.beat_phase) + features.beat_phase
    sure = features.bpm_confidence if beat.source == "audio" else 1.0
    return replace(
        features,
        bpm=beat.bpm,
        beats=math.floor(then),
        beat_phase=then % 1.0,
        bar_phase=then / beat.beats_per_bar % 1.0,
        bpm_confidence=sure,
    )


def _tapped_bpm(taps: deque[float]) -> float | None:
    """Return the tempo of the taps by least squares; None for fewer than two."""
    n = len(taps)
    if n < 2:
        return None
    middle = (n - 1) / 2.0
    mean = sum(taps) / n
    slope = sum((i - middle) * (tap - mean) for i, tap in enumerate(taps)) / sum((i - middle) ** 2 for i in range(n))
    return 60.0 / slope if slope > 0.0 else None
