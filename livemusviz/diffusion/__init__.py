"""Diffusion room: Controls in, Frames out. The only room that imports mlx, on the one engine thread."""
