"""Where streams are kept: one interface, one file per backend."""
