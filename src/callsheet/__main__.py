"""Entry point of the command line: `callsheet …` or `python -m callsheet …`."""

from __future__ import annotations


def main() -> None:
    """Runs the command line and exits with its status."""
    from callsheet.cli.main import main as run_cli

    run_cli()


if __name__ == "__main__":
    main()
