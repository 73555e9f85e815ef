"""A pipeline's source: what it is now, and a snapshot of it made in its own process."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pulumi_zenml.errors import InputError, SubmissionError
from pulumi_zenml.zenml.masking import SIGN_IN_VARIABLES, masked
from pulumi_zenml.zenml.submission import copy_environment

WORKER = Path(__file__).with_name("_pipeline_worker.py")
_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_COMPILED = {".pyc", ".pyo"}
_CACHES = {"__pycache__", "node_modules"}
_BUILD_SECONDS = 3600.0
_LINES = 15


@dataclass(frozen=True)
class PipelineSource:
    """A pipeline to import.

    Args:
        reference: ``module:function``.
        root: the folder to import it from.
        python: the interpreter; empty for this one.
    """

    reference: str
    root: str
    python: str = ""


def digest_source(source_root: str) -> tuple[str, str]:
    """Where the source is, and what it is now.

    Args:
        source_root: the folder as the program wrote it; relative to the working folder.

    Returns:
        The folder's absolute path, because the provider works elsewhere, and a digest of every
        file in it but hidden ones, caches and virtual environments. Only the digest decides
        whether anything changed: the path differs between machines.
    """
    root = Path(source_root).resolve()
    total = hashlib.sha256()
    for path in _files(root):
        total.update(str(path.relative_to(root)).encode() + b"\0")
        total.update(_digest(path))
    return str(root), total.hexdigest()[:16]


def _digest(path: Path) -> bytes:
    """What a file holds now; for a link that leads nowhere, where it leads."""
    if not path.exists():
        return hashlib.sha256(os.readlink(path).encode()).digest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(it for it in folders if not _skipped(here / it))
        yield from (here / it for it in sorted(files) if not _is_left_out(here / it))


def _is_left_out(path: Path) -> bool:
    hidden = path.name.startswith(".") or path.suffix in _COMPILED
    # Sockets and pipes hold nothing that can be read.
    return hidden or not (path.is_file() or path.is_symlink())


def _skipped(folder: Path) -> bool:
    hidden = folder.name.startswith(".") or folder.name in _CACHES
    return hidden or (folder / "pyvenv.cfg").exists()


def check_source(pipeline: str, source_root: str) -> InputError | None:
    """What is wrong with a pipeline reference, without importing it."""
    if not _REFERENCE.fullmatch(pipeline):
        return InputError(
            "pipeline",
            f"'{pipeline}' is not 'module:function'. Write for example 'ml.pipelines:training'.",
        )
    module = pipeline.partition(":")[0].replace(".", "/")
    root = Path(source_root)
    if not root.is_dir():
        return InputError("source_root", f"there is no folder '{source_root}'.")
    if not any((root / it).exists() for it in (f"{module}.py", f"{module}/__init__.py")):
        return InputError(
            "pipeline", f"there is neither '{module}.py' nor '{module}/' in '{source_root}'."
        )
    return None


def build_snapshot(source: PipelineSource, *, name: str, environment: Mapping[str, str]) -> str:
    """Import a pipeline in a process of its own and make a ZenML snapshot of it.

    Args:
        source: the pipeline.
        name: the snapshot's name; one of that name is replaced.
        environment: what the process needs to know of ZenML; may hold secrets.

    Returns:
        The snapshot's id.

    Raises:
        InputError: there is no such interpreter.
        SubmissionError: the process failed; quotes the end of what it said.
    """
    pipeline = source.reference
    interpreter = shutil.which(source.python or sys.executable)
    if interpreter is None:
        raise InputError("python", f"there is no interpreter '{source.python}'.")
    root = Path(source.root).resolve()
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        asked = {"pipeline": pipeline, "root": str(root), "name": name, "answer": str(answer)}
        try:
            done = subprocess.run(
                [interpreter, str(WORKER)],
                input=json.dumps(asked),
                cwd=root,
                env=_environment(environment),
                capture_output=True,
                text=True,
                timeout=_BUILD_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise SubmissionError(
                f"importing '{pipeline}' and making its snapshot took over "
                f"{_BUILD_SECONDS:.0f} seconds."
            ) from error
        if done.returncode or not answer.exists():
            said = masked(done.stderr or done.stdout, _secrets(environment)).strip()
            said = "\n".join(said.splitlines()[-_LINES:])
            raise SubmissionError(
                f"'{pipeline}' in '{source.root}' could not be made into a snapshot with "
                f"{interpreter}. It said:\n{said}"
            )
        id: str = json.loads(answer.read_text())["id"]
        return id


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    inherited = copy_environment()
    # Set for this process alone: the user's repository counts where the pipeline is imported.
    inherited.pop("ZENML_REPOSITORY_PATH", None)
    return {**inherited, **given}


def _secrets(environment: Mapping[str, str]) -> list[str]:
    return [environment[it] for it in SIGN_IN_VARIABLES if it in environment]
