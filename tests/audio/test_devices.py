import pytest

from livemusviz.audio import devices
from livemusviz.audio.devices import InputDevice, find_input, input_devices, quiet_stderr
from livemusviz.errors import UserError

CARDS = [
    InputDevice(0, "Scarlett 2i2 USB: Audio (hw:1,0)", 2, 48000.0, False),
    InputDevice(2, "Built-in Microphone", 1, 44100.0, True),
    InputDevice(3, "Scarlett 18i20", 18, 96000.0, False),
]


class FakePortAudio:
    """Only what the list of devices needs."""

    def __init__(self, entries, default=0, systems=("ALSA",), defaults=(0,)):
        self._entries = entries
        self._systems = [{"name": n, "default_input_device": d} for n, d in zip(systems, defaults, strict=True)]
        self.default = type("default", (), {"device": (default, default)})

    PortAudioError = RuntimeError

    def query_devices(self, index=None):
        if index is None:
            return [self.query_devices(n) for n in range(len(self._entries))]
        if index >= len(self._entries):
            raise self.PortAudioError(f"Error querying device {index}")
        if isinstance(self._entries[index], bytes):
            self._entries[index].decode()
        return self._entries[index]

    def query_hostapis(self):
        return self._systems


def entry(name, inputs, rate=48000.0, hostapi=0):
    return {"name": name, "max_input_channels": inputs, "default_samplerate": rate, "hostapi": hostapi}


def test_on_windows_only_wasapi_is_listed(monkeypatch):
    entries = [entry("Line (Scarlett 2i2 USB Audio De", 2, 44100.0), entry("Line (Scarlett 2i2 USB Audio Device)", 2)]
    entries[1]["hostapi"] = 1
    fake = FakePortAudio(entries, default=0, systems=("MME", "Windows WASAPI"), defaults=(0, 1))
    monkeypatch.setattr(devices, "load_portaudio", lambda: fake)
    assert input_devices() == [InputDevice(1, "Line (Scarlett 2i2 USB Audio Device)", 2, 48000.0, True)]


def test_only_inputs_are_listed_with_their_portaudio_index(monkeypatch):
    fake = FakePortAudio([entry("speakers", 0), entry("line", 8, 96000.0), entry("mic", 1)], default=2)
    monkeypatch.setattr(devices, "load_portaudio", lambda: fake)
    assert input_devices() == [
        InputDevice(1, "line", 8, 96000.0, False),
        InputDevice(2, "mic", 1, 48000.0, True),
    ]


def test_a_device_whose_name_cannot_be_decoded_is_left_out(monkeypatch, caplog):
    fake = FakePortAudio([entry("line", 2), b"caf\xe9 mic", entry("speakers", 0), entry("mic", 1)], default=1)
    monkeypatch.setattr(devices, "load_portaudio", lambda: fake)
    assert [(device.index, device.name) for device in input_devices()] == [(0, "line"), (3, "mic")]
    assert "audio device 1 is left out: its name cannot be read" in caplog.text


@pytest.mark.parametrize("fake", [None, FakePortAudio([], default=-1), FakePortAudio([entry("speakers", 0)])])
def test_no_card_and_no_portaudio_are_an_empty_list(monkeypatch, fake):
    monkeypatch.setattr(devices, "load_portaudio", lambda: fake)
    assert input_devices() == []


def test_the_real_list_never_raises():
    assert all(device.channels > 0 for device in input_devices())


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("Scarlett 18i20", 3),  # exact
        ("built-in microphone", 2),  # case
        ("2i2", 0),  # part
        ("default", 2),
    ],
)
def test_found_by_name(name, index):
    assert find_input(name, CARDS).index == index


def test_an_exact_name_wins_over_longer_ones():
    twins = [InputDevice(0, "USB Audio", 2, 48000.0, False), InputDevice(1, "USB Audio #2", 2, 48000.0, False)]
    assert find_input("USB Audio", twins).index == 0


def test_an_ambiguous_name_lists_the_candidates_only():
    with pytest.raises(UserError, match="ambiguous.*2i2.*18i20") as raised:
        find_input("scarlett", CARDS)
    assert "Microphone" not in str(raised.value)


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(UserError, match="no audio input 'Focusrite'.*'Built-in Microphone'"):
        find_input("Focusrite", CARDS)
    with pytest.raises(UserError, match="there are: none"):
        find_input("Focusrite", [])


def test_no_default_says_what_to_do():
    with pytest.raises(UserError, match="--input FILE.wav"):
        find_input("default", [])


def test_default_falls_back_to_the_first_input():
    assert find_input("default", CARDS[:1]).index == 0


def test_messages_stay_short_for_absurd_names():
    with pytest.raises(UserError) as raised:
        find_input("x" * 10_000, CARDS)
    assert len(str(raised.value)) < 300


def test_quiet_stderr_hides_what_libraries_write_and_gives_the_stream_back(capfd):
    import os

    with quiet_stderr():
        os.write(2, b"ALSA lib confmisc.c: cannot find card\n")
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
