"""Director room, pure: features and parameters in, what to draw next out. No threads, clocks or I/O."""
