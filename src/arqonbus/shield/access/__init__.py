"""What an authenticated subject may do: policy as data, decided without I/O."""
