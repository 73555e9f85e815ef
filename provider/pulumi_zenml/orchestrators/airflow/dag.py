"""A DAG zip as a counterpart, and a wanted counterpart as a DAG zip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

from pulumi_zenml.cadence.dialects.airflow import Airflow
from pulumi_zenml.cadence.fires import next_fires
from pulumi_zenml.cadence.model import Cadence, Native
from pulumi_zenml.errors import CannotExpressError
from pulumi_zenml.json_types import Json
from pulumi_zenml.orchestrators.airflow.timing import INERT, timing
from pulumi_zenml.orchestrators.airflow.zip import (
    TIMING,
    DagZip,
    ZipMarker,
    normal_timing,
    to_the_second,
)
from pulumi_zenml.orchestrators.counterpart import Counterpart, Wanted

TAG = "pulumi-zenml"
"""The tag on every DAG that this package created or adopted."""

_LONGEST_TAG = 100


def counterpart(name: str, dag: DagZip) -> Counterpart:
    """A zip as a counterpart, without Airflow's own state.

    Args:
        name: the file's name without ``.zip``.
        dag: its contents.
    """
    marker = dag.marker or ZipMarker()
    fields = _fields(dag)
    cadence = _cadence(dag, fields)
    problem = ""
    if dag.dag_id != name:
        problem = f"the file {name}.zip contains the DAG '{dag.dag_id}'"
    arguments = dag.dag_args
    return Counterpart(
        native_id=name,
        native=Native(_text(fields), fields),
        cadence=cadence,
        paused=is_paused(dag),
        snapshot_id=dag.snapshot_id,
        owner=marker.owner or None,
        settings={key: cast(Json, arguments[key]) for key in marker.settings if key in arguments},
        ended=cadence is not None and not next_fires(cadence, datetime.now(UTC), 1),
        problem=problem,
    )


def shaped(dag: DagZip, wanted: Wanted) -> DagZip:
    """A zip with the owner, settings and cadence that are wanted; call :func:`timed` next."""
    before = _marked(dag)
    marker = before.marker
    assert marker is not None
    declared = to_the_second(wanted.cadence)
    arguments = dag.dag_args
    for key, value in marker.settings.items():
        arguments.pop(key, None)
        if value is not None:
            arguments[key] = value
    settings = {key: arguments.get(key) for key in wanted.settings}
    for key, asked in wanted.settings.items():
        arguments[key] = int(cast(float, asked))
    tags = tuple(_tags(wanted.owner))
    kept = [tag for tag in dag.tags if tag not in (*marker.tags, *tags)]
    marker = replace(
        marker,
        owner=wanted.owner,
        declared=declared,
        written=marker.written if declared == marker.declared else {},
        settings=settings,
        tags=tags,
    )
    return before.changed(marker, dag_args=arguments, tags=[*kept, *tags])


def timed(dag: DagZip, *, paused: bool, major: int, from_now: bool = False) -> DagZip:
    """A zip whose timing is its declared cadence, or that does not fire.

    Timing that is right already is kept, so that the start date does not change.

    Args:
        dag: the zip.
        paused: whether it is to be written so that it does not fire.
        major: Airflow's major version.
        from_now: start now, without catching up.

    Raises:
        CannotExpressError: ZenML wrote a cadence that cannot be written back.
    """
    dag = _marked(dag)
    marker = dag.marker
    assert marker is not None
    if not from_now and marker.paused == paused and dag.timing() == dict(marker.written):
        return dag
    # To the next full second: a fire in the one that has begun is past.
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    since = datetime.fromisoformat(marker.since) if marker.since else now
    cadence = marker.declared or Airflow().read(dag.timing())
    values = timing(cadence, paused=paused, since=since, now=now, major=major)
    marker = replace(marker, written=normal_timing(values), since=since.isoformat(), paused=paused)
    return dag.changed(marker, **values)


def is_paused(dag: DagZip) -> bool:
    """Whether the zip itself keeps the DAG from firing because the schedule is paused."""
    if dag.timing()["schedule"] != INERT:
        return False
    marker = dag.marker
    # A run-once that has ended is written the same way, and is not paused.
    over = marker is not None and not marker.paused and marker.written.get("schedule") == INERT
    return not over


def _marked(dag: DagZip) -> DagZip:
    """The zip with a marker: its own, or one that says what ZenML wrote."""
    if dag.marker is not None:
        return dag
    found = dag.timing()
    try:
        declared = Airflow().read(found)
    except CannotExpressError:
        declared = None
    return dag.changed(ZipMarker(declared=declared, written=found, since=str(found["start_date"])))


def _fields(dag: DagZip) -> dict[str, object]:
    """The timing in force in the dialect's fields: each as declared, unless edited by hand."""
    found = dag.timing()
    marker = dag.marker or ZipMarker()
    asked = Airflow().write(marker.declared).fields if marker.declared else {}
    kept = {key for key in marker.written if found[key] == marker.written[key]}
    fields = {key: asked.get(key) if key in kept else found[key] for key in TIMING}
    return {key: value for key, value in fields.items() if value is not None}


def _cadence(dag: DagZip, fields: Mapping[str, object]) -> Cadence | None:
    marker = dag.marker
    if marker and marker.declared and dag.timing() == dict(marker.written):
        return marker.declared
    try:
        return Airflow().read(fields)
    except CannotExpressError:
        return None


def _tags(owner: str) -> list[str]:
    """For people: Airflow's own list can be filtered by them. Longer ones break its import."""
    named = f"owner:{owner}"
    return [TAG, named] if owner and len(named) <= _LONGEST_TAG else [TAG]


def _text(fields: Mapping[str, object]) -> str:
    window = "".join(
        f" {word} {fields[key]}"
        for key, word in (("start_date", "from"), ("end_date", "until"))
        if key in fields
    )
    return f"{fields.get('schedule')}{window}"
