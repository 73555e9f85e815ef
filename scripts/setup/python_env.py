"""Python environments, made from the lock files in requirements/."""

from __future__ import annotations

import os
import shutil
import sys
import venv
from pathlib import Path

from . import paths, stamps, system
from .console import SetupError, run, step

QUICKSTART_VENV = paths.ROOT / ".venv-quickstart"


def install_development() -> None:
    """Make .venv: every extra, the test tools, and this project in editable form.

    Raises:
        SetupError: Python cannot make environments, or a package cannot be fetched.
    """
    make(paths.VENV, paths.REQUIREMENTS / "dev.txt", editable=True)


def install_quickstart() -> None:
    """Make .venv-quickstart: what `pip install pulumi-zenml[airflow]` brings, at its newest.

    Raises:
        SetupError: Python cannot make environments, or a package cannot be fetched.
    """
    make(QUICKSTART_VENV, paths.REQUIREMENTS / "quickstart.txt", editable=True)


def install_docs() -> None:
    """Make an environment for the docs site, which reads sources and imports none of them.

    Raises:
        SetupError: Python cannot make environments, or a package cannot be fetched.
    """
    make(paths.cache() / "docs", paths.REQUIREMENTS / "docs.txt")


def make(folder: Path, lock: Path, *, editable: bool = False) -> None:
    """Make an environment that holds exactly what a lock file says, unless it is there.

    Args:
        folder: Where the environment goes. One that is out of date is brought up to date.
        lock: The lock file.
        editable: Also install this project, in editable form.

    Raises:
        SetupError: Python cannot make environments, or a package cannot be fetched.
    """
    python = folder / "bin" / "python"
    stamp = folder / "stamp"
    inputs: list[str | Path] = [lock, sys.version, sys.base_prefix]
    if editable:
        inputs.append(paths.ROOT / "pyproject.toml")
    wanted = stamps.digest(*inputs)
    if stamps.is_fresh(stamp, wanted, python):
        return
    name = folder.name.removeprefix(".")
    uv = None if _only_pip_is_set_up() else install_uv()
    with step(f"installing the Python packages of {lock.relative_to(paths.ROOT)} into {folder}"):
        if not python.exists() or not _runs(python):
            _create(folder, with_pip=uv is None)
        problem = f"the packages of {lock.name} cannot be installed"
        log = paths.log(name)
        log.unlink(missing_ok=True)
        target: list[str | Path] = ["--python", python]
        if uv is not None:
            run(
                [uv, "pip", "sync", "--quiet", "--compile-bytecode", *target, lock],
                log=log,
                problem=problem,
            )
        else:
            run([python, "-m", "pip", "install", "--no-deps", "-r", lock], log=log, problem=problem)
        if editable:
            project: list[str | Path] = ["--no-deps", "-e", paths.ROOT]
            problem = "this project cannot be installed into its environment"
            if uv is not None:
                run([uv, "pip", "install", *target, *project], log=log, problem=problem)
            else:
                run([python, "-m", "pip", "install", *project], log=log, problem=problem)
            _tell_language_host(folder)
    stamps.write(stamp, wanted)


def _tell_language_host(folder: Path) -> None:
    """Put pulumi-plugin.json where Pulumi's Python language host looks for it.

    It looks in site-packages alone, and without the file it takes every package named `pulumi-*`
    for one that needs a plugin binary, and tries to download that on each command. A folder
    without `__init__.py` does not get in the way of the package that the .pth file leads to.
    """
    package = paths.ROOT / "provider" / "pulumi_zenml"
    for site in (folder / "lib").glob("python*/site-packages"):
        place = site / package.name
        place.mkdir(exist_ok=True)
        shutil.copy(package / "pulumi-plugin.json", place)


def install_uv() -> Path:
    """Install uv, which takes seconds where pip takes minutes, and return its path.

    Raises:
        SetupError: Python cannot make environments, or uv cannot be fetched.
    """
    lock = paths.REQUIREMENTS / "tools.txt"
    folder = paths.cache() / "tools"
    uv = folder / "bin" / "uv"
    wanted = stamps.digest(lock, sys.version, sys.base_prefix)
    if not stamps.is_fresh(folder / "stamp", wanted, uv):
        with step("installing uv"):
            _create(folder, with_pip=True)
            run(
                [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", lock],
                log=paths.log("tools"),
                problem="Python packages cannot be fetched from here",
            )
        stamps.write(folder / "stamp", wanted)
    return uv


def _only_pip_is_set_up() -> bool:
    """Whether pip is told of another package index: uv does not look where pip does."""
    told = any(name.startswith(("PIP_INDEX", "PIP_EXTRA_INDEX")) for name in os.environ)
    return told and not any(
        name.startswith(("UV_INDEX", "UV_DEFAULT_INDEX")) for name in os.environ
    )


def _runs(python: Path) -> bool:
    """Whether an environment's Python still starts: the one it was made from may be gone."""
    return python.resolve().exists()


def _create(folder: Path, *, with_pip: bool) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if with_pip:
        try:
            import ensurepip  # noqa: F401
        except ImportError:
            system.ensure(
                "Python's venv module",
                packages=["python3-venv"],
                instead="install python3-venv, or a Python 3.11 or newer from python.org",
            )
    try:
        venv.create(folder, clear=True, symlinks=True, with_pip=with_pip)
    except (OSError, ValueError) as error:
        raise SetupError(f"no Python environment can be made in {folder}: {error}") from error
