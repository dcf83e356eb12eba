"""Structured logs on standard error: one JSON object a line, or readable on a terminal."""

import logging
import sys
from typing import TextIO

import structlog

from arqonbus.config.model import LogSettings
from arqonbus.telemetry.masking import mask_line, mask_secrets


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Set up structlog, and the standard library's log to end in the same place.

    Args:
        settings: Level and format.
        stream: Where lines go; standard error by default.
    """
    out = stream or sys.stderr
    as_json = settings.format == "json" or (settings.format == "auto" and not out.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared = _shared_processors()
    structlog.configure(
        processors=[*shared, *_rendering(out, as_json=as_json)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _configure_standard_library(out, level, shared, as_json=as_json)


def _shared_processors() -> list[structlog.types.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
    ]


def _rendering(out: TextIO, *, as_json: bool) -> list[structlog.types.Processor]:
    # Tracebacks without local variables in both formats: a local may be a secret.
    if as_json:
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [
            structlog.processors.ExceptionRenderer(frames),
            structlog.processors.JSONRenderer(),
            mask_line,
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback
        ),
        mask_line,
    ]


def _configure_standard_library(
    out: TextIO, level: int, shared: list[structlog.types.Processor], *, as_json: bool
) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(out, as_json=as_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # What libraries say below a warning is for those who look for a fault in them.
    root.setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))
