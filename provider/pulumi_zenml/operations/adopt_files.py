"""The files of an adoption: a new Pulumi project, or a module for an existing one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pulumi_zenml.cadence.naming import slug
from pulumi_zenml.errors import InputError
from pulumi_zenml.operations.adopt import AdoptionPlan
from pulumi_zenml.operations.audit_state import write_whole
from pulumi_zenml.operations.engine import find_project
from pulumi_zenml.orchestrators import REGISTRY

MODULE = "adopted_schedules.py"
_MODE = 0o644


@dataclass(frozen=True)
class Layout:
    """Where a program goes.

    Args:
        folder: of the Pulumi project.
        program: the file with the schedules.
        whole: whether the rest of a project has to be written as well.
    """

    folder: Path
    program: Path
    whole: bool

    @staticmethod
    def of(out: Path) -> Layout:
        """For ``--out``: a file ending in ``.py``, or a folder with or without a project."""
        if out.suffix == ".py":
            return Layout(out.parent, out, whole=False)
        if find_project(out):
            return Layout(out, out / MODULE, whole=False)
        return Layout(out, out / "__main__.py", whole=True)


def project_files(plan: AdoptionPlan, program: str, folder: Path) -> dict[str, str]:
    """The files of a new Pulumi project by name, without secrets.

    Args:
        plan: what the program takes over.
        program: its source.
        folder: where it goes: gives the project's name.
    """
    name = slug(folder.resolve().name) or "schedules"
    flavors = sorted({it.entry.flavor for it in plan.adopted} & {*REGISTRY})
    extras = f"[{','.join(flavors)}]" if flavors else ""
    return {
        "Pulumi.yaml": f"name: {name}\ndescription: ZenML schedules\n{_runtime(folder.resolve())}",
        "__main__.py": program,
        "requirements.txt": f"pulumi-zenml{extras}\n",
    }


def write_files(files: Mapping[Path, str], *, force: bool) -> None:
    """Write all of them, each atomically.

    Raises:
        InputError: one exists already, and nothing was written; or one cannot be written.
    """
    there = [str(it) for it in files if os.path.lexists(it)]
    if there and not force:
        raise InputError(
            "--out",
            f"{', '.join(there)} exists already, and nothing was written. Name another folder, "
            "or give --force to overwrite it.",
        )
    for path, text in files.items():
        try:
            write_whole(path, text, mode=_MODE)
        except OSError as error:
            raise InputError("--out", f"'{path}' cannot be written: {error}.") from error


def _runtime(folder: Path) -> str:
    """This interpreter's virtual environment, if it is in the project or in a parent folder."""
    here = Path(sys.prefix)
    if sys.prefix == sys.base_prefix or here.parent not in (folder, *folder.parents):
        return "runtime: python\n"
    environment = os.path.relpath(here, folder)
    return f'runtime:\n  name: python\n  options:\n    virtualenv: "{environment}"\n'
