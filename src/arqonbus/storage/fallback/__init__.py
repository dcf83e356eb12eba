"""Going on in memory while a store is away (mode `degraded`)."""
