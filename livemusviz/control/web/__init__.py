"""The web thread: the OSCQuery tree and the phone page, over HTTP and WebSocket."""
