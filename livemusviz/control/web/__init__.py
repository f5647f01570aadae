"""Serves the OSCQuery tree and the phone page, over HTTP and WebSocket, on the web thread."""
