"""Each dialect's spelling: the conversion tables, both ways, and every refusal with its reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given

from cadence.properties import examples
from cadence.strategies import cadences
from pulumi_zenml.cadence import DIALECTS, Cadence, equivalent, get_dialect, make_cadence
from pulumi_zenml.cadence.cron import parse_cron
from pulumi_zenml.cadence.dialects.at import At
from pulumi_zenml.cadence.dialects.azureml import windows_zone
from pulumi_zenml.cadence.dialects.crontab import Crontab
from pulumi_zenml.cadence.dialects.kubeflow import Kubeflow
from pulumi_zenml.cadence.zones import same_clock
from pulumi_zenml.errors import CannotExpressError, InputError

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
END = datetime(2027, 6, 1, tzinfo=UTC)

UNIX = ("airflow", "cloudscheduler", "crontab", "github", "gitlab", "jenkins", "kubernetes")

# cron, unix, EventBridge, Quartz, AzureML; None where it is refused.
ROWS: list[tuple[str, str, str | None, str | None, str | None]] = [
    ("0 3 * * *", "0 3 * * *", "0 3 * * ?", "0 3 * * ?", "0 3 * * *"),
    ("*/15 * * * *", "*/15 * * * *", "0/15 * * * ?", "0/15 * * * ?", "0,15,30,45 * * * *"),
    (
        "0 3 * * 1-5",
        "0 3 * * 1-5",
        "0 3 ? * MON,TUE,WED,THU,FRI",
        "0 3 ? * MON,TUE,WED,THU,FRI",
        "0 3 * * 1,2,3,4,5",
    ),
    ("0 3 * * 0", "0 3 * * 0", "0 3 ? * SUN", "0 3 ? * SUN", "0 3 * * 0"),
    ("0 3 * * 7", "0 3 * * 0", "0 3 ? * SUN", "0 3 ? * SUN", "0 3 * * 0"),
    ("0 9 * * 5-7", "0 9 * * 0,5,6", "0 9 ? * SUN,FRI,SAT", "0 9 ? * SUN,FRI,SAT", "0 9 * * 0,5,6"),
    (
        "0 0 * * */2",
        "0 0 * * */2",
        "0 0 ? * SUN,TUE,THU,SAT",
        "0 0 ? * SUN,TUE,THU,SAT",
        "0 0 * * 0,2,4,6",
    ),
    ("0 9 1,15 * *", "0 9 1,15 * *", "0 9 1,15 * ?", "0 9 1,15 * ?", "monthly 9 0 1,15"),
    (
        "30 2 */2 * *",
        "30 2 */2 * *",
        "30 2 1/2 * ?",
        "30 2 1/2 * ?",
        "monthly 2 30 " + ",".join(str(day) for day in range(1, 32, 2)),
    ),
    ("5 4 * 1,6 *", "5 4 * 1,6 *", "5 4 * 1,6 ?", "5 4 * 1,6 ?", None),
    ("0 0 13 * 5", "0 0 13 * 5", None, None, None),
    ("@monthly", "0 0 1 * *", "0 0 1 * ?", "0 0 1 * ?", "monthly 0 0 1"),
    ("0 22-1 * * FRI-MON", "0 0,1,22,23 * * 0,1,5,6", "0 0,1,22,23 ? * SUN,MON,FRI,SAT",
     "0 0,1,22,23 ? * SUN,MON,FRI,SAT", "0 0,1,22,23 * * 0,1,5,6"),
]  # fmt: skip


def spelled(name: str, cron: str, timezone: str = "UTC") -> dict[str, Any] | None:
    """What a dialect writes, or None where it refuses and says why and what instead."""
    try:
        return dict(get_dialect(name).write(make_cadence(cron=cron, timezone=timezone)).fields)
    except CannotExpressError as refusal:
        assert refusal.why and refusal.alternatives
        return None


@pytest.mark.parametrize(("cron", "unix", "eventbridge", "quartz", "azureml"), ROWS)
def test_conversion_table(
    cron: str, unix: str, eventbridge: str | None, quartz: str | None, azureml: str | None
) -> None:
    """A right answer or a reasoned refusal for every row, in every system."""
    told = {name: spelled(name, cron) for name in DIALECTS}
    expected: dict[str, dict[str, Any] | None] = {
        "airflow": {"schedule": unix, "catchup": False},
        "at": None,
        "cloudscheduler": {"schedule": unix, "timeZone": "UTC"},
        "crontab": {"schedule": unix},
        "github": {"cron": unix},
        "gitlab": {"cron": unix, "cron_timezone": "UTC"},
        "jenkins": None if eventbridge is None else {"spec": f"TZ=UTC\n{unix}"},
        "kubeflow": {"cron_expression": f"0 {unix}", "no_catchup": True},
        "kubernetes": {"schedule": unix, "timeZone": "UTC"},
        "vertex": {"cron": f"TZ=UTC {unix}"},
        "eventbridge": None
        if eventbridge is None
        else {
            "ScheduleExpression": f"cron({eventbridge} *)",
            "ScheduleExpressionTimezone": "UTC",
        },
        "quartz": None
        if quartz is None
        else {"quartz_cron_expression": f"0 {quartz}", "timezone_id": "UTC"},
        "azureml": azureml_fields(azureml),
    }
    assert told == expected


def azureml_fields(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    if not text.startswith("monthly"):
        return {"trigger_type": "cron", "expression": text, "time_zone": "UTC"}
    _, hours, minutes, days = text.split()
    return {
        "trigger_type": "recurrence",
        "frequency": "month",
        "interval": 1,
        "schedule": {
            "hours": [int(hours)],
            "minutes": [int(minutes)],
            "month_days": [int(day) for day in days.split(",")],
        },
        "time_zone": "UTC",
    }


def test_every_two_hours_from_an_instant() -> None:
    cadence = make_cadence(interval=timedelta(hours=2), start_time=START)
    start = "2026-12-01T09:00:00+00:00"
    expected: dict[str, dict[str, Any]] = {
        "eventbridge": {
            "ScheduleExpression": "rate(2 hours)",
            "ScheduleExpressionTimezone": "UTC",
            "StartDate": start,
        },
        "quartz": {"periodic": {"interval": 2, "unit": "HOURS"}},
        "azureml": {
            "trigger_type": "recurrence",
            "frequency": "hour",
            "interval": 2,
            "time_zone": "UTC",
            "start_time": start,
        },
        "kubeflow": {
            "interval_second": 7200,
            "start_time": "2026-12-01T07:00:00+00:00",
            "no_catchup": True,
        },
        "airflow": {"schedule": "0 1-23/2 * * *", "catchup": False, "start_date": start},
        "vertex": {"cron": "TZ=UTC 0 1-23/2 * * *", "start_time": start},
    }
    for name in DIALECTS:
        if name in expected:
            assert get_dialect(name).write(cadence).fields == expected[name], name
        else:
            with pytest.raises(CannotExpressError) as caught:
                get_dialect(name).write(cadence)
            assert caught.value.property == "interval"
            assert caught.value.alternatives


def test_once_at_an_instant() -> None:
    cadence = make_cadence(run_once_at=START)
    expected: dict[str, dict[str, Any]] = {
        "airflow": {
            "schedule": "@once",
            "catchup": False,
            "start_date": "2026-12-01T09:00:00+00:00",
        },
        "at": {"time": "202612010900", "timezone": "UTC"},
        "eventbridge": {
            "ScheduleExpression": "at(2026-12-01T09:00:00)",
            "ScheduleExpressionTimezone": "UTC",
        },
    }
    for name in DIALECTS:
        if name in expected:
            assert get_dialect(name).write(cadence).fields == expected[name], name
        else:
            with pytest.raises(CannotExpressError) as caught:
                get_dialect(name).write(cadence)
            assert caught.value.property == "run_once_at"
            assert caught.value.alternatives


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("kubernetes", {"schedule": "0 3 * * 1-5", "timeZone": "Europe/Berlin"}),
        ("kubernetes", {"schedule": "*/15 * * * *", "timeZone": "UTC"}),
        ("kubernetes", {"schedule": "0 0 1-31/2 * 1", "timeZone": "UTC"}),
        ("airflow", {"schedule": "30 2 */2 * *", "catchup": True}),
        ("airflow", {"schedule": "PT7M", "catchup": True, "start_date": START.isoformat()}),
        ("airflow", {"schedule": "P2DT1M", "catchup": True, "start_date": START.isoformat()}),
        ("airflow", {"schedule": "0 3 * * *", "catchup": False, "end_date": END.isoformat()}),
        ("vertex", {"cron": "TZ=Europe/Berlin 0 3 * * *", "end_time": END.isoformat()}),
        ("kubeflow", {"cron_expression": "0 0 3 * * *", "no_catchup": True}),
        (
            "kubeflow",
            {"interval_second": 90, "start_time": START.isoformat(), "no_catchup": False},
        ),
        (
            "eventbridge",
            {
                "ScheduleExpression": "cron(0 3 ? * MON,FRI *)",
                "ScheduleExpressionTimezone": "Europe/Berlin",
                "EndDate": END.isoformat(),
            },
        ),
        (
            "eventbridge",
            {
                "ScheduleExpression": "rate(1 minute)",
                "ScheduleExpressionTimezone": "UTC",
                "StartDate": START.isoformat(),
            },
        ),
        (
            "eventbridge",
            {"ScheduleExpression": "at(2026-12-01T09:00:00)", "ScheduleExpressionTimezone": "UTC"},
        ),
        ("quartz", {"quartz_cron_expression": "0 0/15 * * * ?", "timezone_id": "UTC"}),
        ("quartz", {"quartz_cron_expression": "0 5 4 1/2 1,6 ?", "timezone_id": "Asia/Tokyo"}),
        (
            "azureml",
            {
                "trigger_type": "cron",
                "expression": "0,30 3 * * 1,5",
                "time_zone": "W. Europe Standard Time",
            },
        ),
        (
            "azureml",
            {
                "trigger_type": "recurrence",
                "frequency": "month",
                "interval": 1,
                "schedule": {"hours": [9, 17], "minutes": [0], "month_days": [1, 15]},
                "time_zone": "UTC",
                "end_time": END.isoformat(),
            },
        ),
        (
            "azureml",
            {
                "trigger_type": "recurrence",
                "frequency": "week",
                "interval": 2,
                "time_zone": "UTC",
                "start_time": START.isoformat(),
            },
        ),
        ("crontab", {"schedule": "0 3 1-11/2 * *"}),
        ("crontab", {"schedule": "*/30 2 * * *"}),
        ("crontab", {"schedule": "0,30 2 * * *"}),
        ("at", {"time": "202612010900", "timezone": "UTC"}),
        ("github", {"cron": "0 3 * * 1-5"}),
        ("github", {"cron": "0 3 * * 1-5", "timezone": "Europe/Berlin"}),
        ("gitlab", {"cron": "0 3 * * 1-5", "cron_timezone": "Europe/Berlin"}),
        ("jenkins", {"spec": "TZ=Europe/Berlin\n0 3 * * 1-5"}),
        ("cloudscheduler", {"schedule": "0 0 13 * 5", "timeZone": "Europe/Berlin"}),
    ],
)
def test_identity(name: str, fields: dict[str, object]) -> None:
    """Reading a canonical form and writing it gives the same form."""
    dialect = get_dialect(name)
    cadence = dialect.read(fields)
    assert dialect.write(cadence).fields == fields
    assert dialect.matches(cadence, fields)


@pytest.mark.properties
@examples(500)
@given(cadence=cadences())
def test_identity_of_whatever_is_written(cadence: Cadence) -> None:
    """Every dialect reads back what it wrote, as the same cadence in the same spelling."""
    for name in DIALECTS:
        dialect = get_dialect(name)
        try:
            native = dialect.write(cadence)
        except CannotExpressError as refusal:
            assert refusal.alternatives, (name, refusal)
            continue
        found = dialect.read(native.fields)
        assert dialect.write(found).fields == native.fields, name
        assert dialect.matches(cadence, native.fields), name
        if found.timezone == cadence.timezone:
            assert equivalent(found, cadence), name
        else:
            assert same_clock(found.timezone, cadence.timezone) or dialect.zones in ("utc", "host")


@pytest.mark.parametrize(
    ("name", "fields", "cron"),
    [
        ("kubernetes", {"schedule": "@daily"}, "0 0 * * *"),
        ("kubernetes", {"schedule": "5/15 ? * * MON"}, "5-50/15 * * * 1"),
        ("kubernetes", {"schedule": "0 0 */2 * 1"}, "0 0 1-31/2 * 1"),
        ("kubernetes", {"schedule": "0 0 1-31 * 1"}, "0 0 * * *"),
        ("kubernetes", {"schedule": "0 0 5,* * 1"}, "0 0 * * 1"),
        ("kubeflow", {"cron_expression": "0 0 9 * *"}, "0 9 * * *"),
        ("kubeflow", {"cron_expression": "@hourly"}, "0 * * * *"),
        ("airflow", {"schedule": "0 0 1-31 * 1"}, "0 0 * * 1"),
        ("airflow", {"schedule": "0 0 */2 * 1"}, "0 0 1-31/2 * 1"),
        ("airflow", {"schedule": "0 22-1 * * 7"}, "0 0,1,22,23 * * 0"),
        ("crontab", {"schedule": "0 3 * * 7"}, "0 3 * * 0"),
        ("quartz", {"quartz_cron_expression": "0 0 3 ? * 2-6"}, "0 3 * * 1-5"),
        ("quartz", {"quartz_cron_expression": "0 0 3 ? * FRI-SUN"}, "0 3 * * 0,5,6"),
        ("quartz", {"quartz_cron_expression": "0 0 3 * * ? *"}, "0 3 * * *"),
        ("eventbridge", {"ScheduleExpression": "cron(0 3 ? * 2-6 *)"}, "0 3 * * 1-5"),
        ("azureml", {"trigger_type": "cron", "expression": "0 3 5 6 1"}, "0 3 * * 1"),
        ("vertex", {"cron": "CRON_TZ=UTC 0 3 * * *"}, "0 3 * * *"),
        ("vertex", {"cron": "0 3 * * *"}, "0 3 * * *"),
        ("jenkins", {"spec": "# nightly\n0 3 * * *"}, "0 3 * * *"),
    ],
)
def test_reads_what_others_wrote(name: str, fields: dict[str, object], cron: str) -> None:
    found = get_dialect(name).read({"timezone_id": "UTC", **fields})
    assert found.cron is not None
    assert parse_cron(found.cron) == parse_cron(cron)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("kubernetes", {"schedule": "@every 90s"}),
        ("kubernetes", {"schedule": "0 3 * * 7"}),
        ("kubernetes", {"schedule": "0 22-3 * * *"}),
        ("kubernetes", {"schedule": "0 0 30 2 *"}),
        ("kubernetes", {"schedule": "0 0 0 3 * *"}),
        ("kubernetes", {"schedule": None}),
        ("kubernetes", {}),
        ("kubeflow", {"cron_expression": "30 0 3 * * *"}),
        ("kubeflow", {"cron_expression": "*/5 * * * *"}),
        ("kubeflow", {"cron_expression": "0 0 0 */2 * 1"}),
        ("kubeflow", {"interval_second": "3600"}),
        ("kubeflow", {"interval_second": "soon", "start_time": START.isoformat()}),
        ("kubeflow", {"interval_second": 0, "start_time": START.isoformat()}),
        ("airflow", {"schedule": "@once"}),
        ("airflow", {"schedule": "0 0 L * *"}),
        ("airflow", {"schedule": "0 0 3 * * *"}),
        ("airflow", {"schedule": "PT"}),
        ("airflow", {"schedule": "PT5M"}),
        ("crontab", {"schedule": "0 0 */2 * 1"}),
        ("crontab", {"schedule": "5/15 * * * *"}),
        ("crontab", {"schedule": "@reboot"}),
        ("quartz", {"quartz_cron_expression": "0 0 3 * * *", "timezone_id": "UTC"}),
        ("quartz", {"quartz_cron_expression": "30 0 3 * * ?", "timezone_id": "UTC"}),
        ("quartz", {"quartz_cron_expression": "0 0 3 L * ?", "timezone_id": "UTC"}),
        ("quartz", {"quartz_cron_expression": "0 0 3 ? * 6#3", "timezone_id": "UTC"}),
        ("quartz", {"quartz_cron_expression": "0 0 3 * * ? 2027", "timezone_id": "UTC"}),
        ("quartz", {"periodic": {"interval": 2, "unit": "HOURS"}}),
        ("eventbridge", {"ScheduleExpression": "cron(0 3 * * * *)"}),
        ("eventbridge", {"ScheduleExpression": "cron(0 3 ? * ? *)"}),
        ("eventbridge", {"ScheduleExpression": "cron(0 3 * * ? 2027)"}),
        ("eventbridge", {"ScheduleExpression": "rate(2 hours)"}),
        ("eventbridge", {"ScheduleExpression": "at(2026-02-30T00:00:00)"}),
        ("eventbridge", {"ScheduleExpression": "hello"}),
        ("azureml", {"trigger_type": "cron", "expression": "0 3 * * 7"}),
        ("azureml", {"trigger_type": "recurrence", "frequency": "hour", "interval": 2}),
        ("azureml", {"trigger_type": "recurrence", "frequency": "month", "interval": 2,
                     "schedule": {"hours": [1], "minutes": [0], "month_days": [1]}}),
        ("azureml", {"trigger_type": "cron", "expression": "0 3 * * 1", "time_zone": "Moon"}),
        ("jenkins", {"spec": "H 3 * * *"}),
        ("jenkins", {"spec": "@daily"}),
        ("jenkins", {"spec": "0 0 13 * 5"}),
        ("jenkins", {"spec": "0 3 * * *\n0 4 * * *"}),
        ("at", {"time": "tomorrow"}),
        ("gitlab", {"cron": "0 0 */2 * 1"}),
    ],
)  # fmt: skip
def test_says_what_it_cannot_read(name: str, fields: dict[str, object]) -> None:
    dialect = get_dialect(name)
    with pytest.raises(CannotExpressError):
        dialect.read(fields)
    assert not dialect.matches(make_cadence(cron="0 3 * * *"), fields)


@pytest.mark.parametrize(
    "name", ["kubernetes", "quartz", "github", "gitlab", "jenkins", "cloudscheduler", "crontab"]
)
@pytest.mark.parametrize(
    ("property", "more"),
    [
        ("start_time", {"start_time": START}),
        ("end_time", {"end_time": END}),
        ("catchup", {"catchup": True}),
    ],
)
def test_refuses_a_window_rather_than_forget_it(
    name: str, property: str, more: dict[str, Any]
) -> None:
    with pytest.raises(CannotExpressError) as caught:
        get_dialect(name).write(make_cadence(cron="0 3 * * *", **more))
    assert caught.value.property == property
    assert caught.value.alternatives


@pytest.mark.parametrize("name", ["eventbridge", "vertex", "azureml"])
def test_refuses_catchup_where_there_is_none(name: str) -> None:
    with pytest.raises(CannotExpressError) as caught:
        get_dialect(name).write(make_cadence(cron="0 3 * * *", catchup=True))
    assert caught.value.property == "catchup"


@pytest.mark.parametrize("name", ["airflow", "azureml", "eventbridge", "kubeflow", "vertex"])
def test_windows_are_told_natively(name: str) -> None:
    cadence = make_cadence(cron="0 3 * * *", start_time=START, end_time=END)
    native = get_dialect(name).write(cadence)
    assert START.isoformat() in native.fields.values()
    assert END.isoformat() in native.fields.values()
    assert get_dialect(name).read(native.fields) == cadence


@pytest.mark.parametrize("name", ["airflow", "kubeflow", "crontab"])
class TestZonesOfSystemsWithoutZones:
    def test_a_clock_that_changes_is_refused(self, name: str) -> None:
        with pytest.raises(CannotExpressError) as caught:
            get_dialect(name).write(make_cadence(cron="0 3 * * *", timezone="Europe/Berlin"))
        assert caught.value.property == "timezone"
        assert caught.value.alternatives

    @pytest.mark.parametrize(
        ("cron", "timezone", "expected"),
        [
            ("0 3 * * *", "Asia/Kolkata", "30 21 * * *"),
            ("0 3 * * 1-5", "Asia/Kolkata", "30 21 * * 0-4"),
            ("0 9 15 * *", "Asia/Kolkata", "30 3 15 * *"),
            ("0 3 15 * *", "Asia/Kolkata", "30 21 14 * *"),
            ("0 3 13 * 5", "Asia/Kolkata", "30 21 12 * 4"),
            ("0 23 * * 6", "America/Phoenix", "0 6 * * 0"),
            ("*/30 * * * *", "Asia/Kolkata", "*/30 * * * *"),
            ("*/20 * * * *", "Asia/Kolkata", "10,30,50 * * * *"),
            ("0 */6 * * *", "Asia/Kolkata", "30 0-18/6 * * *"),
            ("0 3 * * *", "Etc/UTC", "0 3 * * *"),
        ],
    )
    def test_a_clock_that_never_changes_is_translated(
        self, name: str, cron: str, timezone: str, expected: str
    ) -> None:
        native = get_dialect(name).write(make_cadence(cron=cron, timezone=timezone))
        text = str(next(iter(native.fields.values())))
        assert parse_cron(text.removeprefix("0 ") if name == "kubeflow" else text) == parse_cron(
            expected
        )
        if expected != cron:
            assert any("neither clock ever changes" in note for note in native.notes)

    @pytest.mark.parametrize(
        "cron",
        [
            "0 3 1 * *",  # the last day of the month before
            "0 3 30 * *",  # February has no 30th, but a 29th
            "0 3 * 6 *",  # 31 May to 29 June
            "0 3,12 * * 1",  # two weekdays
            "10,40 5 * * *",  # 04:40 is not 05:40
        ],
    )
    def test_what_is_no_single_cron_is_refused(self, name: str, cron: str) -> None:
        with pytest.raises(CannotExpressError) as caught:
            get_dialect(name).write(make_cadence(cron=cron, timezone="Asia/Kolkata"))
        assert caught.value.property == "timezone"


def test_the_hosts_zone_is_enough() -> None:
    berlin = make_cadence(cron="30 2 * * *", timezone="Europe/Berlin")
    assert Crontab("Europe/Berlin").write(berlin).fields == {"schedule": "30 2 * * *"}
    assert not Crontab("Europe/Berlin").write(berlin).notes
    rome = make_cadence(cron="0 3 * * *", timezone="Europe/Rome")
    assert Kubeflow("Europe/Berlin").write(rome).fields["cron_expression"] == "0 0 3 * * *"
    with pytest.raises(CannotExpressError):
        Crontab("America/New_York").write(berlin)
    with pytest.raises(CannotExpressError):
        Crontab("Europe/Berlin").write(make_cadence(cron="0 3 * * *"))


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 3 * * MON-FRI", "0 3 * * 1,2,3,4,5"),
        ("*/15 9-17 * * *", "*/15 9,10,11,12,13,14,15,16,17 * * *"),
        ("0 0 1-31/2 * 1", "0 0 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 * 1"),
        ("0-59 3 * * *", ",".join(str(i) for i in range(60)) + " 3 * * *"),
        ("*/15,7 * * * *", "0,7,15,30,45 * * * *"),
        ("0 0 * 1-12/3 7", "0 0 * */3 0"),
    ],
)
def test_portable_crontab(cron: str, expected: str) -> None:
    """Only what ZenML's HyperAI orchestrator lets through: `*`, `*/n`, lists of numbers."""
    native = Crontab(portable=True).write(make_cadence(cron=cron))
    assert native.fields["schedule"] == expected


def test_at_tells_the_hosts_time_and_refuses_one_that_comes_twice() -> None:
    once = make_cadence(run_once_at=datetime(2026, 12, 1, 14, tzinfo=UTC))
    assert At("America/New_York").write(once).fields["time"] == "202612010900"
    twice = make_cadence(run_once_at=datetime(2027, 10, 31, 0, 30, tzinfo=UTC))
    with pytest.raises(CannotExpressError, match="happens twice"):
        At("Europe/Berlin").write(twice)


def test_at_keeps_whole_minutes_and_refuses_the_rest() -> None:
    once = make_cadence(run_once_at=datetime(2026, 12, 1, 14, 0, 30, tzinfo=UTC))
    with pytest.raises(CannotExpressError, match="whole minutes") as refused:
        At().write(once)
    assert refused.value.alternatives == (
        "`2026-12-01T14:00:00+00:00`",
        "`2026-12-01T14:01:00+00:00`",
    )


@pytest.mark.parametrize(
    ("name", "interval", "alternative"),
    [
        ("eventbridge", timedelta(seconds=90), "1 minute"),
        ("azureml", timedelta(seconds=90), "2 minutes"),
        ("quartz", timedelta(minutes=30), "*/30 * * * *"),
        ("quartz", timedelta(minutes=7), "a whole number of hours"),
        ("vertex", timedelta(minutes=7), "which do"),
        ("kubernetes", timedelta(minutes=15), "*/15 * * * *"),
        ("kubernetes", timedelta(days=1), "0 9 * * *"),
        ("kubernetes", timedelta(days=7), "0 9 * * 2"),
        ("kubernetes", timedelta(days=2), "which do"),
        ("at", timedelta(hours=1), "`crontab`"),
    ],
)
def test_intervals_are_never_rounded(name: str, interval: timedelta, alternative: str) -> None:
    with pytest.raises(CannotExpressError) as caught:
        get_dialect(name).write(make_cadence(interval=interval, start_time=START))
    assert caught.value.property == "interval"
    assert any(alternative in way for way in caught.value.alternatives), caught.value.alternatives


@pytest.mark.parametrize(
    ("interval", "rate"),
    [
        (timedelta(minutes=1), "rate(1 minute)"),
        (timedelta(minutes=90), "rate(90 minutes)"),
        (timedelta(hours=1), "rate(1 hour)"),
        (timedelta(days=1), "rate(1 day)"),
        (timedelta(days=14), "rate(14 days)"),
    ],
)
def test_rates(interval: timedelta, rate: str) -> None:
    cadence = make_cadence(interval=interval, start_time=START)
    assert get_dialect("eventbridge").write(cadence).fields["ScheduleExpression"] == rate


def test_one_day_is_not_zero_seconds() -> None:
    cadence = make_cadence(interval=timedelta(days=1), start_time=START)
    assert get_dialect("kubeflow").write(cadence).fields["interval_second"] == 86400


def test_eventbridge_fires_to_the_minute() -> None:
    with pytest.raises(CannotExpressError) as caught:
        get_dialect("eventbridge").write(make_cadence(run_once_at=START + timedelta(seconds=30)))
    assert caught.value.alternatives == (
        "2026-12-01T09:00:00+00:00",
        "2026-12-01T09:01:00+00:00",
    )


@pytest.mark.parametrize(
    ("cron", "accepted"),
    [
        ("*/5 * * * *", True),
        ("*/4 * * * *", False),
        ("0,3 3 * * *", False),
        ("0,58 3 * * *", True),
        ("0,58 3,4 * * *", False),
        ("58,1 23,0 * * *", False),
    ],
)
def test_github_every_five_minutes_at_most(cron: str, accepted: bool) -> None:
    assert (spelled("github", cron) is not None) == accepted


@pytest.mark.parametrize(
    ("zone", "windows"),
    [
        ("UTC", "UTC"),
        ("Europe/Berlin", "W. Europe Standard Time"),
        ("America/New_York", "Eastern Standard Time"),
        ("Asia/Kolkata", "India Standard Time"),
        ("Australia/Lord_Howe", "Lord Howe Standard Time"),
        ("Pacific/Apia", "Samoa Standard Time"),
    ],
)
def test_windows_names(zone: str, windows: str) -> None:
    assert windows_zone(zone) == windows
    native = get_dialect("azureml").write(make_cadence(cron="0 3 * * *", timezone=zone))
    assert native.fields["time_zone"] == windows


def test_a_clock_unknown_to_windows_is_refused() -> None:
    with pytest.raises(CannotExpressError) as caught:
        windows_zone("Antarctica/Troll")
    assert caught.value.property == "timezone"


@pytest.mark.parametrize(
    ("name", "cron", "zone", "told"),
    [
        ("kubernetes", "30 2 * * *", "Europe/Berlin", ["skips fires", "both of two"]),
        ("kubernetes", "0 3 * * *", "Europe/Berlin", []),
        ("kubernetes", "*/15 * * * *", "Europe/Berlin", []),
        ("kubernetes", "30 1 * * *", "America/New_York", ["both of two"]),
        ("quartz", "30 2 * * *", "Europe/Berlin", ["skips fires", "second of two"]),
        ("quartz", "0 * * * *", "Europe/Berlin", ["second of two"]),
        ("eventbridge", "30 2 * * *", "Europe/Berlin", ["skips fires"]),
        ("vertex", "30 2 * * *", "Europe/Berlin", ["no documented rule", "not documented"]),
        ("vertex", "0 3 * * *", "Europe/Berlin", []),
        ("vertex", "30 2 * * *", "Asia/Kolkata", []),
        ("vertex", "30 2 * 6 *", "Europe/Berlin", []),
    ],
)
def test_other_habits_at_clock_changes_are_said(
    name: str, cron: str, zone: str, told: list[str]
) -> None:
    notes = get_dialect(name).write(make_cadence(cron=cron, timezone=zone)).notes
    assert len(notes) == len(told), notes
    for note, words in zip(notes, told, strict=True):
        assert words in note and zone in note


@pytest.mark.parametrize(
    ("name", "cron", "zone"),
    [
        ("kubernetes", "0 3 * * *", "Australia/Lord_Howe"),
        ("kubernetes", "0 3 * * 0", "Asia/Beirut"),
        ("kubernetes", "30 4 * * 5,6", "Asia/Beirut"),
        ("quartz", "50 2 * * *", "Australia/Lord_Howe"),
        ("quartz", "0 * * * *", "America/Nuuk"),
    ],
)
def test_refuses_where_the_engine_itself_goes_wrong(name: str, cron: str, zone: str) -> None:
    assert spelled(name, cron, zone) is None


def test_intervals_say_where_their_anchor_is() -> None:
    cadence = make_cadence(interval=timedelta(hours=5), start_time=START)
    assert "chooses the first fire itself" in get_dialect("quartz").write(cadence).notes[0]
    assert not get_dialect("eventbridge").write(cadence).notes
    with pytest.raises(CannotExpressError, match="so drifts"):
        get_dialect("airflow").write(cadence)


def test_drift_is_seen_and_spelling_is_none() -> None:
    dialect = get_dialect("kubernetes")
    cadence = make_cadence(cron="0 9 * * MON-FRI", timezone="Europe/Berlin")
    assert dialect.matches(cadence, {"schedule": "0 9 * * 1,2,3,4,5", "timeZone": "Europe/Berlin"})
    assert not dialect.matches(cadence, {"schedule": "0 9 * * 1-5", "timeZone": "UTC"})
    assert not dialect.matches(cadence, {"schedule": "5 9 * * 1-5", "timeZone": "Europe/Berlin"})
    assert not dialect.matches(cadence, {"schedule": "0 9 * * 1-5", "timeZone": "Mars/Base"})
    periodic = make_cadence(interval=timedelta(hours=2), start_time=START)
    quartz = get_dialect("quartz")
    assert quartz.matches(periodic, {"periodic": {"interval": 2, "unit": "HOURS"}})
    assert not quartz.matches(periodic, {"periodic": {"interval": 3, "unit": "HOURS"}})


def test_names_in_refusals_are_near() -> None:
    with pytest.raises(InputError, match="kubernetes"):
        get_dialect("kubernetees")


@pytest.mark.properties
@examples(300)
@given(cadence=cadences())
def test_offered_crons_are_accepted(cadence: Cadence) -> None:
    """A cron that a refusal offers instead is one that the system takes."""
    for name in DIALECTS:
        dialect = get_dialect(name)
        try:
            dialect.write(cadence)
        except CannotExpressError as refusal:
            for way in refusal.alternatives:
                if way.startswith('`cron="') and refusal.property == "cron":
                    other = make_cadence(cron=way[7:].split('"')[0])
                    accepted(dialect.name, other)


def accepted(name: str, cadence: Cadence) -> None:
    try:
        get_dialect(name).write(cadence)
    except CannotExpressError as refusal:
        # AzureML may refuse months after days: the second refusal offers the rest of the way.
        assert name == "azureml" and "months" in refusal.why, (name, cadence, refusal)
        assume(False)


@pytest.mark.parametrize(
    ("name", "interval", "word"),
    [
        ("eventbridge", timedelta(seconds=30), "shorter"),
        ("kubeflow", timedelta(days=4000), "longer"),
    ],
)
def test_intervals_have_limits(name: str, interval: timedelta, word: str) -> None:
    with pytest.raises(CannotExpressError, match=word) as caught:
        get_dialect(name).write(Cadence(interval=interval, start_time=START))
    assert caught.value.alternatives
