"""A specimen."""

from arqonbus.errors import ErrorCode

VALUE = ErrorCode
