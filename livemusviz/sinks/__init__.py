"""Outputs of the canvas beside its windows and its recordings: streams, NDI, cameras, other programs."""
