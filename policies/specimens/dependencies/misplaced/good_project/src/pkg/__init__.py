"""A specimen."""

import click

COMMAND = click.Command
