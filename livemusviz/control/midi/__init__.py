"""MIDI: notes and controls to events, a clock to a tempo, on a thread of its own."""
