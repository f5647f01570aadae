"""livemusviz: a real-time visualizer for live music. Music goes in, light comes out."""

__version__ = "0.1.0"
