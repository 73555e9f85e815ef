"""The Pulumi engine: from PATH, else the official release, else built from Go modules."""

from __future__ import annotations

import hashlib
import io
import platform
import re
import shutil
import stat
import tarfile
import urllib.request
from pathlib import Path

from . import golang, paths, stamps
from .console import SetupError, output, say, step

# The SDK's floor in pyproject.toml: an older engine lacks fixes that dynamic providers need.
OLDEST_ENGINE = (3, 219)

CLI_VERSION = "v3.259.0"
# The last version of the SDK module that still carries the Python language host. It runs the
# `python3` that is first on PATH whatever Pulumi.yaml says of virtual environments.
HOST_VERSION = "v3.79.0"
SCRIPTS_VERSION = "v3.260.0"

SDK = "github.com/pulumi/pulumi/sdk/v3"
CLI = golang.GoProgram(
    name="pulumi",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    module="github.com/pulumi/pulumi/pkg/v3",
    version=CLI_VERSION,
    linker_flags=[f"-X {SDK}/go/common/version.Version={CLI_VERSION}"],
    duration="4 minutes",
)
HOST = golang.GoProgram(
    name="pulumi-language-python",
    package=f"{SDK}/python/cmd/pulumi-language-python",
    module=SDK,
    version=HOST_VERSION,
    linker_flags=[f"-X {SDK}/go/common/version.Version={HOST_VERSION}"],
    duration="a minute",
)
# What the language host starts: one script for programs, one for dynamic providers.
SCRIPTS = (
    "python/cmd/pulumi-language-python-exec",
    "python/dist/pulumi-resource-pulumi-python",
)

RELEASES = "https://get.pulumi.com/releases/sdk"
CONNECT_SECONDS = 5.0
DOWNLOAD_SECONDS = 300.0
ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def install() -> None:
    """Make sure that there is an engine with its Python language host.

    Raises:
        SetupError: It is not on PATH, cannot be downloaded, and cannot be built.
    """
    built = paths.binaries() / CLI.name
    if built.exists() and _is_whole(built.parent):
        return
    found = shutil.which("pulumi")
    if found:
        problem = _problem_with(Path(found))
        if problem is None:
            return
        say(f"the pulumi at {found} {problem}; getting one for this project")
    version = _sdk_version()
    problem = download(version)
    if problem is None:
        return
    say(f"Pulumi's release {version} cannot be downloaded ({problem}); building the engine")
    _build()


def _is_whole(folder: Path) -> bool:
    names = [CLI.name, HOST.name, *(Path(script).name for script in SCRIPTS)]
    return all((folder / name).exists() for name in names)


def _problem_with(pulumi: Path) -> str | None:
    """Why an engine that is on PATH will not do, or None."""
    match = re.match(r"v?(\d+)\.(\d+)\.", output([pulumi, "version"]) or "")
    if match is None:
        return "does not tell its version"
    version = int(match[1]), int(match[2])
    if version < OLDEST_ENGINE:
        oldest = ".".join(map(str, OLDEST_ENGINE))
        return f"is {match[1]}.{match[2]}, older than {oldest}"
    # Homebrew and the like put a link on PATH; the host is beside the real file, or on PATH too.
    if not (pulumi.resolve().parent / HOST.name).exists() and not shutil.which(HOST.name):
        return f"has no {HOST.name} beside it"
    return None


def _sdk_version() -> str:
    """The version of the SDK in the development environment: the release that goes with it."""
    lock = (paths.REQUIREMENTS / "quickstart.txt").read_text(encoding="utf-8")
    match = re.search(r"^pulumi==([\d.]+)", lock, re.MULTILINE)
    if match is None:
        raise SetupError("requirements/quickstart.txt names no version of pulumi")
    return match[1]


def download(version: str) -> str | None:
    """Unpack the official release into the cache. Returns why it cannot be had, or None."""
    system = platform.system().lower()
    architecture = ARCHITECTURES.get(platform.machine().lower())
    if system not in {"linux", "darwin"} or architecture is None:
        return f"there is none for {platform.system()} {platform.machine()}"
    archive = f"pulumi-v{version}-{system}-{architecture}.tar.gz"
    try:
        sums = _fetch(f"{RELEASES}/pulumi-{version}-checksums.txt", CONNECT_SECONDS).decode()
        expected = {name: sum_ for sum_, name in (row.split() for row in sums.splitlines() if row)}
        with step(f"downloading {archive}"):
            data = _fetch(f"{RELEASES}/{archive}", DOWNLOAD_SECONDS)
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__
    if hashlib.sha256(data).hexdigest() != expected.get(archive):
        raise SetupError(f"{archive} does not match its published checksum: not installing it")
    unpack(data, paths.binaries())
    return None


def unpack(archive: bytes, target: Path) -> None:
    """Put the programs of a release archive, which holds one folder of files, into a folder."""
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members:
        for member in members:
            source = members.extractfile(member)
            if source is not None:
                _place(source.read(), target / Path(member.name).name)


def _fetch(url: str, timeout: float) -> bytes:
    with urllib.request.urlopen(url, timeout=timeout) as response:
        data: bytes = response.read()
    return data


def _place(data: bytes, target: Path) -> None:
    unfinished = target.with_name(f".{target.name}.part")
    unfinished.write_bytes(data)
    unfinished.chmod(unfinished.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    unfinished.replace(target)


def _build() -> None:
    golang.find_go("the Pulumi engine")
    sdk = golang.module_folder(SDK, SCRIPTS_VERSION)
    paths.binaries().mkdir(parents=True, exist_ok=True)
    for script in SCRIPTS:
        _place((sdk / script).read_bytes(), paths.binaries() / Path(script).name)
    golang.build(HOST)
    golang.build(CLI)
    version = output([paths.binaries() / CLI.name, "version"])
    if version != CLI_VERSION:
        raise SetupError(f"the engine that was built says it is {version}, not {CLI_VERSION}")
    stamps.write(paths.build("engine") / "stamp", CLI_VERSION)
