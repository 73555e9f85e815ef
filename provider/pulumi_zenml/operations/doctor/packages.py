"""The Python packages that an orchestrator needs, as our package metadata declares them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import TYPE_CHECKING

from pulumi_zenml.operations.doctor.check import Check
from pulumi_zenml.orchestrators import ENTRY_POINT_GROUP, REGISTRY

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_US = "pulumi-zenml"


def check_packages(flavors: Sequence[str]) -> Iterator[Check]:
    """Whether every package is installed in a supported version, for us and for each flavor.

    Args:
        flavors: ZenML's names.
    """
    yield _check(_US, _US, "", f"pip install --upgrade {_US}")
    for flavor in sorted(set(flavors)):
        row = REGISTRY.get(flavor)
        if row:
            install = f"pip install --upgrade '{_US}[{row.extra}]'"
            yield _check(flavor, _US, row.extra, install)
            continue
        for entry in metadata.entry_points(group=ENTRY_POINT_GROUP, name=flavor):
            if entry.dist:
                name = entry.dist.name
                yield _check(flavor, name, "", f"pip install --upgrade {name}")


def supported(name: str) -> str:
    """The versions of a package that we support, for example ``<0.99,>=0.98``."""
    for requirement in _requirements(_US, ""):
        if requirement.name == name:
            return str(requirement.specifier)
    return ""


def wrong_packages(distribution: str, extra: str = "") -> tuple[list[str], list[str]]:
    """The requirements of a distribution that are met, and those that are not.

    Args:
        distribution: its name.
        extra: one of its extras, to check only that; empty for what it always needs.
    """
    good, bad = [], []
    for requirement in _requirements(distribution, extra):
        needed = f"{requirement.name}{requirement.specifier}"
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            bad.append(f"{requirement.name} is missing ({needed} is needed)")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            bad.append(f"{requirement.name} is {version} ({needed} is needed)")
            continue
        good.append(f"{requirement.name} {version}")
        for inner in requirement.extras:
            bad += wrong_packages(requirement.name, inner)[1]
    return good, bad


def _check(subject: str, distribution: str, extra: str, install: str) -> Check:
    try:
        good, bad = wrong_packages(distribution, extra)
    except metadata.PackageNotFoundError:
        good, bad = [], [f"{distribution} is not installed"]
    name = "versions"
    if bad:
        return Check("packages", name, subject, "failed", "; ".join(bad), install)
    return Check("packages", name, subject, "ok", ", ".join(good) or "no packages needed")


def _requirements(distribution: str, extra: str) -> list[Requirement]:
    """Its requirements on this Python: without extras, or those of one extra only."""
    from packaging.requirements import Requirement

    found = []
    for text in metadata.requires(distribution) or ():
        requirement = Requirement(text)
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        wanted = always if not extra else bool(marker and marker.evaluate({"extra": extra}))
        if wanted and (not extra or not always):
            found.append(requirement)
    return found
