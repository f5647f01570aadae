"""Lines of the HUD."""

from livemusviz.bridge.outputs import OutputStatus
from livemusviz.live.report import output_line


def test_an_output_tells_its_state_and_the_last_error_while_it_lasts() -> None:
    refused = OutputStatus("twitch", "stream", "rtmp://host/app/...", "waiting", message="Connection refused")
    assert output_line(refused) == "out twitch  waiting  rtmp://host/app/...  Connection refused"
    again = OutputStatus("twitch", "stream", "rtmp://host/app/...", "running", 90, 90, 2, 0, "Connection refused")
    assert output_line(again) == "out twitch  running  rtmp://host/app/...  2 dropped"
