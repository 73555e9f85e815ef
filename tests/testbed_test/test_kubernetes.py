"""The control plane is a real one: a CronJob makes Jobs."""

from __future__ import annotations

import pytest

from testbed.kubernetes import Kubernetes
from testbed.process import wait_until

pytestmark = pytest.mark.kubernetes

CRON_JOB = {
    "metadata": {"name": "every-minute"},
    "spec": {
        "schedule": "* * * * *",
        "jobTemplate": {
            "spec": {
                "template": {
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [{"name": "work", "image": "registry.example.invalid/x"}],
                    }
                }
            }
        },
    },
}


def test_a_cron_job_makes_a_job(cluster: Kubernetes, namespace: str) -> None:
    path = f"/apis/batch/v1/namespaces/{namespace}/cronjobs"
    created = cluster.api("POST", path, CRON_JOB)

    # It fires at the next full minute.
    wait_until(lambda: bool(cluster.jobs(namespace)), "a Job is there", seconds=150)

    (owner,) = cluster.jobs(namespace)[0]["metadata"]["ownerReferences"]
    assert owner["uid"] == created["metadata"]["uid"]
    cluster.api("DELETE", f"{path}/every-minute?propagationPolicy=Background")
    wait_until(lambda: not cluster.jobs(namespace), "the Job is gone", seconds=60)
