"""A specimen."""

from pkg import low

VALUE = low.VALUE
