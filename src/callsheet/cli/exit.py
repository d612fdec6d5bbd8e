"""Ends every command: errors as two lines of help or as JSON, and the promised exit status."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

import click

from callsheet.errors import CallsheetError, InputError, InternalError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class InterruptedBySignal(KeyboardInterrupt):
    """A person or the system wants the process to end; the run stays resumable."""


_caught: list[int] = []


def guard_signals() -> None:
    """Ctrl-C and SIGTERM end the command in order once, and at once the second time."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del frame
    _caught.append(number)
    if len(_caught) > 1:
        end_at_once(number)
    raise InterruptedBySignal


def end_at_once(number: int) -> NoReturn:
    """Ends the process as this signal wants it; what was recorded is kept."""
    os._exit(128 + number)


def exit_with(command: Callable[[], Any]) -> NoReturn:
    """Carries out a command and exits: with its own status, or an error's."""
    try:
        status = command()
    except click.ClickException as error:
        status = _tell(_from_click(error))
    except CallsheetError as error:
        status = _tell(error)
    except (InterruptedBySignal, click.exceptions.Abort):
        # The command line library turns every KeyboardInterrupt into an Abort of its own.
        click.echo("interrupted", err=True)
        status = 128 + (_caught[0] if _caught else signal.SIGINT)
    except BrokenPipeError:
        # The reader of our output has gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    except Exception as error:  # noqa: BLE001  # no traceback reaches a person unasked
        status = _tell(_defect(error))
    sys.exit(status if isinstance(status, int) else 0)


def _from_click(error: click.ClickException) -> InputError:
    ctx = getattr(error, "ctx", None)
    command = ctx.command_path if ctx is not None else "callsheet"
    return InputError(error.format_message().rstrip("."), hint=f"see `{command} --help`")


def _defect(error: Exception) -> InternalError:
    defect = InternalError(
        f"{type(error).__name__} in callsheet's own code",
        hint="this is a defect of ours; --debug shows where",
    )
    defect.__cause__ = error
    return defect


def debugging() -> bool:
    """Whether a person wants to see where errors arise."""
    return "--debug" in sys.argv


def _tell(error: CallsheetError) -> int:
    if debugging():
        traceback.print_exception(error)
    if "--json" in sys.argv:
        click.echo(json.dumps({"error": error_object(error)}, ensure_ascii=False, indent=2))
    print_error(error.message, error.hint)
    return error.exit_code


def error_object(error: CallsheetError) -> dict[str, str]:
    """An error as the `error` of a document."""
    return {"code": error.code, "message": error.message, "hint": error.hint}


def print_error(message: str, hint: str) -> None:
    """One line saying what and where, one saying what to do, on stderr."""
    from callsheet.cli.output import plain

    click.echo(f"{click.style('error:', fg='red', bold=True)} {plain(message)}", err=True)
    if hint:
        click.echo(f"  {plain(hint)}", err=True)
