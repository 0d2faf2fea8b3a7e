"""HTTP: the public endpoints for monitoring, and the control socket of the commands."""
