"""Generates frames from controls, on the engine thread. The only room that imports mlx."""
