"""A specimen."""

from pkg import high

VALUE = high.VALUE
