"""ISF files as values: what they declare and where they are. No OpenGL; any thread."""
