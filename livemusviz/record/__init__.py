"""Record room: canvas pictures and audio blocks in, a playable file out, on the recorder thread."""
