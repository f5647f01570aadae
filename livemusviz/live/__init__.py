"""Runs the live show: opens the rooms, runs the threads, does what the session asks. May import every room."""
