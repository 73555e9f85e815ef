"""ZenML pipeline schedules as Pulumi resources."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pulumi_zenml.schedule.resource import Schedule, ScheduleArgs

__all__ = ["Schedule", "ScheduleArgs"]


def __getattr__(name: str) -> Any:
    # The command line imports this package too, and has no use for Pulumi's SDK.
    if name in __all__:
        from pulumi_zenml.schedule import resource

        return getattr(resource, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
