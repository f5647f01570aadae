"""Draws the canvas and the windows, on the main thread. The only room that imports pyglet and moderngl."""
