"""Messages to be delivered later: kept in a journal, published when they are due."""
