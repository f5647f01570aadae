"""Steps a whole performance: events, tempo, cues, presets, scene. Pure; a show and a film share it.

No threads, clocks, files or OpenGL: a step returns requests for all that has to be done outside.
"""
