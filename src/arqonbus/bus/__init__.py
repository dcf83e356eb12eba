"""The publish path and the fan-out. The tick of the event loop is the unit of work."""
