"""Makes the sink of a spec. A sink's module is imported only here, and only when that kind is asked for."""

from __future__ import annotations

from livemusviz.errors import UserError
from livemusviz.sinks.protocol import PictureSink, SinkWiring, TextureSink
from livemusviz.sinks.spec import SinkSpec


def make_sink(wiring: SinkWiring) -> PictureSink:
    """Return the sink of pictures, not open yet. UserError if its library does not load."""
    try:
        match wiring.spec.kind:
            case "stream":
                from livemusviz.sinks.stream import StreamSink

                return StreamSink(wiring)
            case "ndi":
                from livemusviz.sinks.ndi import NdiSink

                return NdiSink(wiring.spec, wiring.size)
            case "camera":
                from livemusviz.sinks.camera import CameraSink

                return CameraSink(wiring.spec, wiring.size)
    except ImportError as error:
        raise UserError(f"{wiring.spec.kind}: its library does not load ({error})") from None
    raise UserError(f"{wiring.spec.kind}: takes no pictures")


def make_texture_sink(spec: SinkSpec) -> TextureSink:
    """Return the sink of textures, not open yet. UserError if its library does not load."""
    try:
        match spec.kind:
            case "syphon":
                from livemusviz.sinks.syphon import SyphonSink

                return SyphonSink(spec)
            case "spout":
                from livemusviz.sinks.spout import SpoutSink

                return SpoutSink(spec)
    except ImportError as error:
        raise UserError(f"{spec.kind}: its library does not load ({error})") from None
    raise UserError(f"{spec.kind}: takes no textures")
