"""One module per gate; each offers one class that satisfies `checks.gates.interface.Gate`."""
