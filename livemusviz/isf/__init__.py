"""Reads ISF files and translates their GLSL. No OpenGL; any thread."""
