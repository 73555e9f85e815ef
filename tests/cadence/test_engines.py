"""What is written fires when it should: by the target systems' own engines.

Each test takes random cadences that its dialect accepts, writes them, lets the engine compute the
fires of at least a year with its clock changes, and compares with ours under the dialect's own
rule for clock changes. Where the dialect has nothing to say about clock changes, the fires are
the neutral ones.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from aws_croniter import AwsCroniter
from croniter import croniter
from cronsim import CronSim
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st

from cadence.properties import examples
from cadence.strategies import HARD_ZONES, ZONES, cadences, fixed_zones, years
from engines import Engine, RefusedByEngine, Window, brute, quartz, robfig_1, robfig_3
from pulumi_zenml.cadence import (
    NEUTRAL_DST,
    Cadence,
    Dialect,
    DstRule,
    Native,
    fires_between,
    get_dialect,
)
from pulumi_zenml.cadence.cron import parse_cron
from pulumi_zenml.cadence.dialects.at import At
from pulumi_zenml.cadence.dialects.azureml import iana_zone, windows_zone
from pulumi_zenml.cadence.dialects.crontab import Crontab
from pulumi_zenml.cadence.dialects.kubeflow import Kubeflow
from pulumi_zenml.cadence.fires import RUNNING_CLOCK
from pulumi_zenml.cadence.zones import changes, same_clock, zone_names
from pulumi_zenml.errors import CannotExpressError, InputError

EXAMPLES = 2000
UNHURRIED = [HealthCheck.filter_too_much, HealthCheck.too_slow]

thorough = examples(EXAMPLES, suppress_health_check=UNHURRIED)
fewer = examples(EXAMPLES // 4, suppress_health_check=UNHURRIED)

pytestmark = pytest.mark.properties

_DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def kubernetes_engine() -> Iterator[Engine]:
    with robfig_3() as engine:
        yield engine


@pytest.fixture(scope="module")
def kubeflow_engine() -> Iterator[Engine]:
    with robfig_1() as engine:
        yield engine


@pytest.fixture(scope="module")
def quartz_engine() -> Iterator[Engine]:
    with quartz() as engine:
        yield engine


def written(dialect: Dialect, cadence: Cadence) -> Native:
    """What the dialect writes; a cadence that it refuses is no example."""
    try:
        return dialect.write(cadence)
    except CannotExpressError as refusal:
        assert refusal.alternatives, refusal
        assume(False)
        raise


def windows(cadence: Cadence, year: int, cap: int) -> list[tuple[datetime, datetime]]:
    """A year and a week; for dense cadences its clock changes and the ends of some months."""
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 8, tzinfo=UTC)
    assert cadence.cron is not None
    cron = parse_cron(cadence.cron)
    days = [start + i * _DAY for i in range(366)]
    matching = sum(cron.matches_day(day.year, day.month, day.day) for day in days)
    if matching * len(cron.times) <= cap:
        return [(start, end)]
    around = [change.at for change in changes(cadence.timezone, start, end)]
    around += [datetime(year, 3, 1, tzinfo=UTC), datetime(year, 12, 31, tzinfo=UTC)]
    return [(day - _DAY, day + _DAY) for day in sorted(around)]


def seconds(spans: list[tuple[datetime, datetime]]) -> list[Window]:
    return [(int(start.timestamp()), int(end.timestamp())) for start, end in spans]


def ours(cadence: Cadence, spans: list[tuple[datetime, datetime]], rule: DstRule) -> list[datetime]:
    return [fire for span in spans for fire in fires_between(cadence, *span, rule=rule)]


def check(
    dialect: Dialect, cadence: Cadence, native: Native, year: int, engine: Engine, spec: str
) -> None:
    """Compare with an engine that answers in Unix seconds."""
    spans = windows(cadence, year, cap=1200)
    zone = str(native.fields.get("timezone_id", "UTC"))
    if isinstance(dialect, Kubeflow):
        zone = dialect.cluster_timezone
    found = [datetime.fromtimestamp(at, UTC) for at in engine.fires(spec, zone, seconds(spans))]
    assert found == ours(cadence, spans, dialect.dst)
    if dialect.dst != NEUTRAL_DST and not any("the clock of" in note for note in native.notes):
        assert found == ours(cadence, spans, NEUTRAL_DST)


@thorough
@given(cadence=cadences(), year=years)
def test_kubernetes_and_vertex(kubernetes_engine: Engine, cadence: Cadence, year: int) -> None:
    dialect = get_dialect("kubernetes")
    native = written(dialect, cadence)
    # pkg/controller/cronjob/cronjob_controllerv2.go joins the two in the same way.
    spec = f"TZ={native.fields['timeZone']} {native.fields['schedule']}"
    check(dialect, cadence, native, year, kubernetes_engine, spec)
    # Vertex documents the same text, and nothing about clock changes.
    assert get_dialect("vertex").write(cadence).fields["cron"] == spec


@thorough
@given(cadence=cadences(fixed_zones), year=years)
def test_kubeflow(kubeflow_engine: Engine, cadence: Cadence, year: int) -> None:
    dialect = get_dialect("kubeflow")
    native = written(dialect, cadence)
    spec = str(native.fields["cron_expression"])
    check(dialect, cadence, native, year, kubeflow_engine, spec)


@fewer
@given(cadence=cadences(), year=years)
def test_kubeflow_in_the_clusters_zone(
    kubeflow_engine: Engine, cadence: Cadence, year: int
) -> None:
    dialect = Kubeflow(cadence.timezone)
    native = written(dialect, cadence)
    spec = str(native.fields["cron_expression"])
    check(dialect, cadence, native, year, kubeflow_engine, spec)


@thorough
@given(cadence=cadences(), year=years)
def test_quartz(quartz_engine: Engine, cadence: Cadence, year: int) -> None:
    dialect = get_dialect("quartz")
    native = written(dialect, cadence)
    spec = str(native.fields["quartz_cron_expression"])
    check(dialect, cadence, native, year, quartz_engine, spec)


@thorough
@given(cadence=cadences(fixed_zones), year=years)
def test_airflow(cadence: Cadence, year: int) -> None:
    native = written(get_dialect("airflow"), cadence)
    spans = windows(cadence, year, cap=500)
    found = []
    for start, end in spans:
        fires = croniter(str(native.fields["schedule"]), start - timedelta(seconds=1))
        at = fires.get_next(datetime)
        while at < end:
            found.append(at)
            at = fires.get_next(datetime)
    assert found == ours(cadence, spans, NEUTRAL_DST)


@thorough
@given(cadence=cadences(), year=years)
def test_eventbridge(cadence: Cadence, year: int) -> None:
    dialect = get_dialect("eventbridge")
    native = written(dialect, cadence)
    expression = str(native.fields["ScheduleExpression"])
    zone = str(native.fields["ScheduleExpressionTimezone"])
    spans = windows(cadence, year, cap=1000)
    found = [fire for span in spans for fire in brute.eventbridge(expression, zone, *span)]
    assert found == ours(cadence, spans, dialect.dst)


@fewer
@given(cadence=cadences(fixed_zones), year=years)
def test_eventbridge_by_another_hand(cadence: Cadence, year: int) -> None:
    """aws-croniter reads every expression in UTC: enough to tell if it is read as it was meant."""
    native = written(get_dialect("eventbridge"), cadence)
    in_utc = Cadence(cron=cadence.cron)
    spans = windows(in_utc, year, cap=300)
    expression = str(native.fields["ScheduleExpression"])[len("cron(") : -1]
    found = []
    for start, end in spans:
        fires = AwsCroniter(expression).get_all_schedule_bw_dates(start, end)
        found += [fire for fire in fires if start <= fire < end]
    assert found == ours(in_utc, spans, NEUTRAL_DST)


@thorough
@given(cadence=cadences(), year=years)
def test_azureml(cadence: Cadence, year: int) -> None:
    native = written(get_dialect("azureml"), cadence)
    spans = [(start, end) for start, end in windows(cadence, year, cap=1000)]
    zone = cadence.timezone
    found = [fire for span in spans for fire in brute.azureml(dict(native.fields), zone, *span)]
    assert found == ours(cadence, spans, RUNNING_CLOCK)


@thorough
@given(cadence=cadences(), year=years)
def test_jenkins(cadence: Cadence, year: int) -> None:
    dialect = get_dialect("jenkins")
    native = written(dialect, cadence)
    spans = windows(cadence, year, cap=1000)
    found = [fire for span in spans for fire in brute.jenkins(str(native.fields["spec"]), *span)]
    assert found == ours(cadence, spans, dialect.dst)


def debian_fires(text: str, zone: str, span: tuple[datetime, datetime]) -> list[datetime]:
    """cronsim: written after Debian's cron, clock changes included."""
    found = []
    tz = ZoneInfo(zone)
    # A fire at a gap is told by its missing local time, so the search starts a little early.
    for fire in CronSim(text, (span[0] - _DAY).astimezone(tz)):
        instant = fire.astimezone(UTC)
        if instant >= span[1]:
            break
        if instant >= span[0]:
            found.append(instant)
    return found


@thorough
@given(cadence=cadences(), year=years)
def test_crontab_fires_as_debians_cron_does(cadence: Cadence, year: int) -> None:
    # cronsim steps by whole hours, and loses its way where a clock changes by less.
    assume(cadence.timezone not in ("Australia/Lord_Howe", "Pacific/Chatham"))
    native = written(Crontab(cadence.timezone), cadence)
    spans = windows(cadence, year, cap=500)
    text = str(native.fields["schedule"])
    found = [fire for span in spans for fire in debian_fires(text, cadence.timezone, span)]
    assert found == ours(cadence, spans, NEUTRAL_DST)


def test_crontab_is_accepted() -> None:
    """Debian's own `crontab -` takes every line, in both spellings."""
    lines: list[str] = []

    @thorough
    @given(cadence=cadences(fixed_zones))
    def collect(cadence: Cadence) -> None:
        for dialect in (Crontab(), Crontab(portable=True)):
            lines.append(f"{written(dialect, cadence).fields['schedule']} true")

    collect()
    assert len(lines) >= 2 * thorough.max_examples
    assert_accepted(lines)


def assert_accepted(lines: list[str]) -> None:
    """Hand a whole crontab to Debian's cron, which checks it and keeps nothing of it."""
    told = subprocess.run(
        ["crontab", "-n", "-"],
        input="\n".join(lines) + "\n",
        text=True,
        capture_output=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr


def test_debians_crontab_is_asked_at_all() -> None:
    with pytest.raises(AssertionError, match="bad minute"):
        assert_accepted(["60 1 * * * true"])


@thorough
@given(cadence=cadences(fixed_zones), year=years)
def test_unix_cron_elsewhere(cadence: Cadence, year: int) -> None:
    """Where only the syntax is documented: the fires of cronsim, in zones without a change."""
    github = written(get_dialect("github"), cadence).fields
    gitlab = get_dialect("gitlab").write(cadence).fields
    google = get_dialect("cloudscheduler").write(cadence).fields
    assert github["cron"] == gitlab["cron"] == google["schedule"]
    told = {github.get("timezone", "UTC"), gitlab["cron_timezone"], google["timeZone"]}
    assert told == {cadence.timezone}
    spans = windows(cadence, year, cap=500)
    text = str(github["cron"])
    found = [fire for span in spans for fire in debian_fires(text, cadence.timezone, span)]
    assert found == ours(cadence, spans, NEUTRAL_DST)


def test_at() -> None:
    """The C library, which `at` uses, reads the local time back as the same instant."""
    asked: dict[str, list[tuple[str, int]]] = {}

    @thorough
    @given(
        zone=st.sampled_from((*ZONES, *HARD_ZONES)),
        at=st.datetimes(datetime(2026, 1, 1), datetime(2032, 1, 1)),
    )
    def collect(zone: str, at: datetime) -> None:
        once = at.replace(tzinfo=UTC, second=0, microsecond=0)
        time = str(written(At(zone), Cadence(run_once_at=once)).fields["time"])
        line = f"{time[:4]}-{time[4:6]}-{time[6:8]} {time[8:10]}:{time[10:12]}"
        asked.setdefault(zone, []).append((line, int(once.timestamp())))

    collect()
    assert asked
    for zone, lines in asked.items():
        answer = subprocess.run(
            ["date", "-f", "-", "+%s"],
            input="".join(f"{line}\n" for line, _ in lines),
            env={**os.environ, "TZ": zone},
            text=True,
            capture_output=True,
            check=True,
        )
        assert [int(line) for line in answer.stdout.split()] == [told for _, told in lines]


def test_the_engines_misread_what_is_not_translated(
    kubeflow_engine: Engine, quartz_engine: Engine
) -> None:
    """Why all this: the same text means something else, or nothing."""
    day: list[Window] = [(1_798_761_600, 1_798_848_000)]
    assert len(kubeflow_engine.fires("0 9 * * *", "UTC", day)) == 24
    with pytest.raises(RefusedByEngine):
        quartz_engine.fires("0 3 * * 1-5", "UTC", day)
    week: list[Window] = [(1_798_761_600, 1_798_761_600 + 7 * 86400)]
    fires = quartz_engine.fires("0 0 3 ? * 1-5", "UTC", week)
    weekdays = {datetime.fromtimestamp(at, UTC).strftime("%a") for at in fires}
    assert weekdays == {"Sun", "Mon", "Tue", "Wed", "Thu"}


def test_same_cadence_same_instants_on_two_systems(
    kubernetes_engine: Engine, quartz_engine: Engine
) -> None:
    """03:00 exists once a day in Berlin: both engines agree over years of clock changes."""
    cadence = Cadence(cron="0 3 * * 1-5", timezone="Europe/Berlin")
    span: list[Window] = [(1_798_761_600, 1_798_761_600 + 5 * 365 * 86400)]
    one = get_dialect("kubernetes").write(cadence)
    other = get_dialect("quartz").write(cadence)
    assert not one.notes and not other.notes
    first = kubernetes_engine.fires(f"TZ=Europe/Berlin {one.fields['schedule']}", "UTC", span)
    second = quartz_engine.fires(str(other.fields["quartz_cron_expression"]), "Europe/Berlin", span)
    assert first == second and len(first) > 1300


def test_windows_zones_keep_the_clock() -> None:
    """Every IANA zone is either refused or written as a Windows zone with the same clock."""
    written_zones = 0
    for name in sorted(zone_names()):
        try:
            windows = windows_zone(name)
        except InputError:
            continue
        written_zones += 1
        assert same_clock(name, iana_zone(windows)), (name, windows)
    assert written_zones > 400
