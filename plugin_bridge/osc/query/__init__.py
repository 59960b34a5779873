"""OSCQuery over HTTP, and its announcement."""
