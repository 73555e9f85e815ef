"""Whether what is there is what the program says, and nothing else."""

from __future__ import annotations

from faults.operations import Wanted
from faults.sides import Native
from faults.world import Look, World

_WRITTEN_BY_ALL = ("updated",)


def problems(world: World, look: Look, wanted: Wanted | None) -> list[str]:
    """What is wrong, in words; empty where all is as the program says.

    Args:
        world: with what was there before: the colleague's pair.
        look: both sides.
        wanted: the one pair of this stack, or ``None`` for nothing.
    """
    before = world.bystander
    wrong = _bystander(before, look)
    records = [it for id, it in look.records.items() if id not in before.records]
    snapshots = {id: it for id, it in look.snapshots.items() if id not in before.snapshots}
    known = {it.id for it in before.natives}
    natives = [it for it in look.natives if it.id not in known]
    extra = look.remains - before.remains - world.allowed
    if extra:
        wrong.append(f"left in the orchestrator: {', '.join(sorted(extra))}")
    if wanted is None:
        wrong += [f"record '{it['name']}'{_archived(it)} is left" for it in records]
        wrong += [f"{_says(it)} is left" for it in natives]
        if snapshots:
            wrong.append(f"{len(snapshots)} unnamed snapshots are left")
        return wrong
    if len(records) != 1:
        names = [f"'{it['name']}'{_archived(it)}" for it in records]
        wrong.append(f"{len(records)} records: {', '.join(names)}")
    if len(natives) != 1:
        wrong.append(f"{len(natives)} natives: {', '.join(map(_says, natives))}")
    if len(snapshots) != 1:
        wrong.append(f"{len(snapshots)} unnamed snapshots")
    if len(records) == len(natives) == len(snapshots) == 1:
        wrong += _pair(world, records[0], natives[0], snapshots, wanted)
    return wrong


def _pair(
    world: World,
    record: dict[str, object],
    native: Native,
    snapshots: dict[str, dict[str, object]],
    wanted: Wanted,
) -> list[str]:
    ((snapshot_id, snapshot),) = snapshots.items()
    says = {
        "name": (record["name"], wanted.name),
        "archived": (record["is_archived"], 0),
        "active": (record["active"], int(not wanted.paused)),
        "cron": (record["cron_expression"], wanted.cron),
        "paused": (native.paused, wanted.paused),
        "when": (native.when, world.side.spelled(wanted.cron)),
        "stack": (native.place, wanted.stack),
        "runs": (native.snapshot, snapshot_id),
        "of the record": (snapshot["schedule_id"], record["id"]),
        "from": (snapshot["source_snapshot_id"], world.sources[wanted.snapshot].replace("-", "")),
        **{key: (native.settings.get(key), value) for key, value in wanted.settings.items()},
    }
    if not native.place:
        del says["stack"]
    return [f"{key}: {it!r} instead of {to!r}" for key, (it, to) in says.items() if it != to]


def _bystander(before: Look, look: Look) -> list[str]:
    wrong = []
    for id, row in before.records.items():
        now = look.records.get(id)
        if now != row:
            wrong.append(f"the colleague's record '{row['name']}' was touched: {now}")
    natives = {it.id: it for it in look.natives}
    for native in before.natives:
        if native.id not in natives or natives[native.id].raw != native.raw:
            wrong.append(f"the colleague's {native.id} was touched")
    if not before.snapshots.keys() <= look.snapshots.keys():
        wrong.append("the colleague's snapshot is gone")
    return wrong


def works(world: World, look: Look, *accepted: Wanted | None) -> bool:
    """Whether at least one of the accepted pairs is there and may fire."""
    records = {
        str(it["id"]): it for it in look.records.values() if it["active"] and not it["is_archived"]
    }
    for native in look.natives:
        snapshot = look.snapshots.get(native.snapshot)
        if snapshot is None or native.paused or snapshot["schedule_id"] not in records:
            continue
        for wanted in accepted:
            if wanted and native.when == world.side.spelled(wanted.cron):
                return True
    return False


def _archived(record: dict[str, object]) -> str:
    return " (archived)" if record["is_archived"] else ""


def _says(native: Native) -> str:
    return f"{native.id} ({native.when}{', paused' if native.paused else ''})"
