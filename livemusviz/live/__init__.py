"""The live show: opens the rooms, runs the threads, does what the session asks. Like the render, it may know all."""
