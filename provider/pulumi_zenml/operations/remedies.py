"""The commands that fix what an audit finds."""

from __future__ import annotations

import shlex

from pulumi_zenml.operations.entry import Entry


def up(owner: str, *options: str) -> str:
    """Run ``pulumi up --refresh`` in the stack of a resource.

    Args:
        owner: ``<organization>/<project>/<stack>/<resource name>``.
        options: more options of the command.
    """
    _, project, stack, *_ = [*owner.split("/"), "", "", ""]
    words = ["pulumi", "up", "--refresh", "--stack", stack, *options]
    return f"{shlex.join(words)}  # in the program of project {project}"


def command(name: str, *words: str, project: str = "") -> str:
    """A ``pulumi-zenml`` command."""
    where = ["--project", project] if project else []
    return shlex.join(["pulumi-zenml", name, *where, *words])


def cleanup(entry: Entry, name: str) -> str:
    """Remove a schedule by its name or native id."""
    return command("cleanup", "--apply", "--", name, project=entry.project)


def up_or_cleanup(entry: Entry) -> str:
    """Let the program that declares it recreate it; remove an unmanaged one."""
    return up(entry.owner) if entry.owner else cleanup(entry, entry.name)


def rebuild(entry: Entry) -> str:
    """Let the program that declares it update it; adopt an unmanaged one."""
    return (
        up(entry.owner)
        if entry.owner
        else command("adopt", "--", entry.name, project=entry.project)
    )


def rename(entry: Entry, name: str) -> str:
    """Give it another name in its program; an unmanaged one needs a program first."""
    step = f'name="{name}"'
    if not entry.owner:
        return f"{rebuild(entry)}  # then set {step} in the program it writes"
    _, project, stack, *_ = [*entry.owner.split("/"), "", "", ""]
    return (
        f"{shlex.join(['pulumi', 'up', '--stack', stack])}  "
        f"# after setting {step} in the program of project {project}"
    )


def history(entry: Entry) -> str:
    """Show its runs."""
    return command("history", "--", entry.name, project=entry.project)
