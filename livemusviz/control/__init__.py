"""Control room: OSC packets in, checked events out, on the control thread."""
