"""Captures sound, in a process of its own. The only room that imports sounddevice."""
