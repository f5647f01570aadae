"""Test the intake of each display frame, and a change of input."""

from livemusviz.audio.intake import AudioIntake
from livemusviz.errors import UserError


class FakeHost:
    """Takes an input, or refuses it at once or later."""

    epoch, chosen = 0.0, "line"

    def __init__(self):
        self.asked, self.refusal = [], ""

    def block_reader(self):
        return None

    def set_input(self, text):
        self.asked.append(text)
        if text.endswith(".wav"):
            raise UserError("input: a file is given on the command line")

    def take_refusal(self):
        refusal, self.refusal = self.refusal, ""
        return refusal


def test_an_input_is_asked_for_once_and_a_refusal_goes_back_to_the_old_one():
    host = FakeHost()
    intake = AudioIntake(host)
    assert [intake.follow_input(text) for text in ("", "mic", "mic")] == ["", "", ""]
    assert host.asked == ["mic"]
    host.refusal = "no audio input 'mic'"
    assert intake.follow_input("mic") == "no audio input 'mic'" and intake.input == "line"
    assert intake.follow_input("line") == "" and host.asked == ["mic"]
    assert intake.follow_input("a.wav").startswith("input: a file") and intake.input == "line"
