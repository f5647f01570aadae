"""Renders a film from a track, offline: every frame is exact. May import every room, as the show may."""
