"""Trains the beat network of `livemusviz/features/beatnet.py` on music that this package composes and renders."""
