"""The panel: a page that controls a rig over OSCQuery's WebSocket, and the files it needs over HTTP."""
