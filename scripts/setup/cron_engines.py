"""The cron implementations that the dialects are checked against."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from . import golang, paths, stamps, system
from .console import run, step

SOURCES = paths.ROOT / "tests" / "engines"


def install() -> None:
    """Build the reference engines into the cache's bin folder, and see to Debian's cron.

    Raises:
        SetupError: Go, Java, Maven or cron is missing, or a package cannot be fetched or built.
    """
    _build_robfig()
    _build_quartz()
    system.ensure(
        "Debian's cron",
        programs=["crontab"],
        packages=["cron"],
        instead="install cron: the tests hand crontab lines to its crontab command",
    )


def _build_robfig() -> None:
    """Kubernetes' and Kubeflow's cron: robfig/cron 3.0.1 and 1.2.0 in one small program."""
    source = SOURCES / "robfig"
    target = paths.binaries() / "cron-engine-robfig"
    stamp = paths.build("robfig") / "stamp"
    wanted = stamps.digest(*(source / name for name in ("go.mod", "go.sum", "main.go")))
    if stamps.is_fresh(stamp, wanted, target):
        return
    go = golang.find_go("robfig/cron")
    folder = _copy(source, "robfig")
    unfinished = folder / target.name
    with step("building robfig/cron, about half a minute the first time"):
        run(
            [go, "build", "-trimpath", "-buildvcs=false", "-o", unfinished, "."],
            cwd=folder,
            env={"CGO_ENABLED": "0"},
            log=paths.log("robfig"),
            problem="robfig/cron could not be built (are Go modules reachable from here?)",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(unfinished, target)
    stamps.write(stamp, wanted)


def _build_quartz() -> None:
    """Databricks' cron: Quartz 2.3.2 from Maven Central behind a small program."""
    source = SOURCES / "quartz"
    target = paths.binaries() / "cron-engine-quartz"
    stamp = paths.build("quartz") / "stamp"
    java = source / "src" / "main" / "java" / "QuartzEngine.java"
    wanted = stamps.digest(source / "pom.xml", java)
    if stamps.is_fresh(stamp, wanted, target):
        return
    system.ensure(
        "Java and Maven",
        programs=["javac", "mvn"],
        packages=["default-jdk-headless", "maven"],
        instead="install a JDK 11 or newer and Maven: Quartz is tested against on Java",
    )
    folder = _copy(source, "quartz")
    with step("building Quartz from Maven Central, about half a minute the first time"):
        run(
            ["mvn", "-q", "-B", "package", "dependency:copy-dependencies",
             "-DincludeScope=runtime"],
            cwd=folder,
            log=paths.log("quartz"),
            problem="Quartz could not be built (is Maven Central reachable from here?)",
        )  # fmt: skip
    classes = ":".join(str(folder / "target" / part) for part in ("*", "dependency/*"))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(
        f'#!/bin/sh\nexec java -Xshare:auto -XX:+UseSerialGC -cp "{classes}" QuartzEngine\n',
        encoding="ascii",
    )
    target.chmod(0o755)
    stamps.write(stamp, wanted)


def _copy(source: Path, name: str) -> Path:
    """A fresh copy of the sources in the cache, so that nothing is built in the checkout."""
    folder = paths.build(name)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    return folder
