"""Records canvas pictures and audio blocks into playable files, on the recorder thread."""
