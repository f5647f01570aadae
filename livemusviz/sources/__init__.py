"""Pictures in: still files, clips, cameras, screens, other programs. Decoded in a process of their own, PyAV."""
