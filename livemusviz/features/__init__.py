"""Features room: samples in, AudioFeatures out. Runs in the audio process."""
