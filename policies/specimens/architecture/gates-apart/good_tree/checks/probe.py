"""A specimen."""

VALUE = "arqonbus is probed from outside"
