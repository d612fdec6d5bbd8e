"""How every command ends: errors as two lines or as JSON, then the documented exit status."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

import click

from callsheet.errors import CallsheetError, InputError, InternalError, OutputUnwritableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class InterruptedBySignal(KeyboardInterrupt):
    """SIGINT or SIGTERM was received; the run can be resumed."""


_received_signals: list[int] = []


def install_signal_handlers() -> None:
    """Ends the command cleanly on the first SIGINT or SIGTERM, immediately on the second."""
    signal.signal(signal.SIGINT, _handle_signal)
    signal.signal(signal.SIGTERM, _handle_signal)


def _handle_signal(number: int, frame: FrameType | None) -> None:
    del frame
    _received_signals.append(number)
    if len(_received_signals) > 1:
        exit_immediately(number)
    raise InterruptedBySignal


def exit_immediately(number: int) -> NoReturn:
    """Ends the process with the exit status of this signal; recorded events stay stored."""
    os._exit(128 + number)


def run_and_exit(command: Callable[[], Any]) -> NoReturn:
    """Runs a command and exits with its status, or with the status of its error."""
    try:
        status = command()
        sys.stdout.flush()
    except click.ClickException as error:
        status = _report_error(_from_click(error))
    except CallsheetError as error:
        status = _report_error(error)
    except (InterruptedBySignal, click.exceptions.Abort):
        # click converts every KeyboardInterrupt to an Abort.
        click.echo("interrupted", err=True)
        status = 128 + (_received_signals[0] if _received_signals else signal.SIGINT)
    except Exception as error:  # noqa: BLE001  # a traceback is shown only with --debug
        status = _report_error(_internal_error(error))
    # Python would search every object for cycles once more, which takes a twentieth of a second.
    gc.freeze()
    sys.exit(status if isinstance(status, int) else 0)


def _from_click(error: click.ClickException) -> InputError:
    ctx = getattr(error, "ctx", None)
    command = ctx.command_path if ctx is not None else "callsheet"
    return InputError(error.format_message().rstrip("."), hint=f"see `{command} --help`")


def _internal_error(error: Exception) -> InternalError:
    internal = InternalError(
        f"unexpected {type(error).__name__}",
        hint="this is a bug in callsheet; --debug shows the traceback",
    )
    internal.__cause__ = error
    return internal


def debug_requested() -> bool:
    """Whether the command line contains --debug."""
    return "--debug" in sys.argv


def _report_error(error: CallsheetError) -> int:
    if debug_requested():
        traceback.print_exception(error)
    if "--json" in sys.argv:
        from callsheet.cli.output import print_json

        try:
            print_json({"error": error_object(error)})
        except OutputUnwritableError as unwritable:
            print_error(error.message, error.hint)
            error = unwritable
    print_error(error.message, error.hint)
    return error.exit_code


def error_object(error: CallsheetError) -> dict[str, str]:
    """The value of the key `error` in a JSON document."""
    return {"code": error.code, "message": error.message, "hint": error.hint}


def print_error(message: str, hint: str) -> None:
    """Prints what went wrong, then what to do about it, on stderr."""
    from callsheet.cli.output import wrapped
    from callsheet.exports.texts import printable

    prefix = "error:"
    lines = wrapped(printable(f"{prefix} {message}"), err=True, indent="  ")
    styled = click.style(prefix, fg="red", bold=True)
    click.echo(f"{styled}{lines.removeprefix(prefix)}", err=True)
    if hint:
        click.echo(wrapped(printable(f"  {hint}"), err=True, indent="  "), err=True)
