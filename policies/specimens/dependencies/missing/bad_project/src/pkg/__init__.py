"""A specimen."""

import surely_not_there

import click

COMMAND = click.Command
