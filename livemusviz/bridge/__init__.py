"""Bridge: everything that crosses a thread or a process. Standard library and numpy only."""
