"""Display room: Frames in, light out, on the main thread. The only room that imports pyglet and moderngl."""
