"""A specimen."""

import multidict

import click

COMMAND = click.Command
