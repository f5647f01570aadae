"""A whole performance as one pure step: events, tempo, cues, presets, scene. A show and a film share it.

No threads, clocks, files or OpenGL: what has to be done outside comes back as values.
"""
