"""The ``pulumi-zenml`` command: its root, which imports a subcommand only when it is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from typing import NoReturn

import click

from pulumi_zenml.errors import PulumiZenmlError

COMMANDS = {
    "adopt": (
        "pulumi_zenml.cli.adopt:adopt",
        "Write the Pulumi program that takes over existing schedules.",
    ),
    "audit": ("pulumi_zenml.cli.audit:audit", "Find drift, orphans, missed and failing runs."),
    "cleanup": (
        "pulumi_zenml.cli.cleanup:cleanup",
        "Remove orphans and dead schedules, after a backup.",
    ),
    "cron": ("pulumi_zenml.cli.cron:cron", "Explain and translate cron, and show the next fires."),
    "doctor": ("pulumi_zenml.cli.doctor:doctor", "Check everything that schedules need."),
    "history": ("pulumi_zenml.cli.history:history", "Show the runs of a schedule on both sides."),
    "list": ("pulumi_zenml.cli.list:list_command", "Show every schedule on both sides."),
    "orchestrators": (
        "pulumi_zenml.cli.orchestrators:orchestrators",
        "Show what each orchestrator can do with a schedule.",
    ),
    "pause": (
        "pulumi_zenml.cli.control:pause",
        "Pause a schedule, until an instant or until resumed.",
    ),
    "reconcile": (
        "pulumi_zenml.cli.reconcile:reconcile",
        "Repair what drifted in a Pulumi stack, from cron or CI.",
    ),
    "report": ("pulumi_zenml.cli.report:report", "Write an HTML report on one page."),
    "restore": ("pulumi_zenml.cli.restore:restore", "Recreate what a cleanup removed."),
    "resume": ("pulumi_zenml.cli.control:resume", "Resume a schedule."),
    "trigger": ("pulumi_zenml.cli.control:trigger", "Start a run of a schedule now."),
}
"""Each command's module and attribute, and its line in the help, in alphabetical order."""


OWN_FAULT = 70
"""The exit status for a fault of this package (EX_SOFTWARE of sysexits.h)."""


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(metadata.version("pulumi-zenml"), prog_name="pulumi-zenml")
def cli() -> None:
    """ZenML schedules and their counterparts in orchestrators, beside ``pulumi up``."""


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        args: the words after ``pulumi-zenml``; those of the process when None.

    Exit status: 0 for success, 2 for an error that this package raises on purpose (one
    line on stderr) or for wrong usage, 70 for a fault of this package. Commands that look for
    something exit with 1 when they find it.
    """
    try:
        # Once that command was imported, `list` in here is its module.
        cli.main(args=None if args is None else [*args], prog_name="pulumi-zenml")
    except PulumiZenmlError as error:
        from pulumi_zenml.cli._show import print_message
        from pulumi_zenml.zenml.masking import masked

        print_message(f"pulumi-zenml: {masked(' '.join(str(error).split()))}")
        sys.exit(2)
    except Exception as error:
        # Python would exit with 1, which means findings.
        from pulumi_zenml.cli._show import print_message
        from pulumi_zenml.zenml import trace
        from pulumi_zenml.zenml.masking import masked

        trace.start_trace(())
        trace.trace(error)
        text = masked(" ".join(f"{type(error).__name__}: {error}".split()))
        print_message(f"pulumi-zenml failed where it should not: {text}. {trace.hint()}")
        sys.exit(OWN_FAULT)
    sys.exit(0)
