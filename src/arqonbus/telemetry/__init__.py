"""What can be seen of the bus from outside: metrics and logs."""
