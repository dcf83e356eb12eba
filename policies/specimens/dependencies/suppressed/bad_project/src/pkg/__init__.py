"""A specimen."""

import click  # deptry: ignore[DEP001]

COMMAND = click.Command
