"""Which tokens were taken back: kept over a restart, in force at once."""
