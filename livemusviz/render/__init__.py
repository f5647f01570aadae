"""The offline render: a track in, a film out, frame by exact frame. Like the show, it may know every room."""
