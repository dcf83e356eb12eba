"""Evidence of the test suites: how a run leaves it, how it is judged, and whether tests notice."""
