"""Audio room: sound in. Runs in a process of its own; the only room that imports sounddevice."""
