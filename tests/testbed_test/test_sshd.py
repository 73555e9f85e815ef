"""The SSH host lets its user in, and really runs what cron and at are told to."""

from __future__ import annotations

import paramiko
import pytest

from testbed.process import wait_until
from testbed.sshd import SshHost

pytestmark = pytest.mark.ssh


def test_a_crontab_line_and_an_at_job_fire(ssh_server: SshHost) -> None:
    assert ssh_server.run("whoami").strip() == ssh_server.username

    ssh_server.run("echo '* * * * * touch ~/cron-was-here' | crontab -")
    assert ssh_server.crontab() == "* * * * * touch ~/cron-was-here\n"
    ssh_server.run("echo 'touch ~/at-was-here' | at now")
    ssh_server.run("echo 'touch ~/never' | at now + 1 day")

    marks = [ssh_server.home / name for name in ("at-was-here", "cron-was-here")]
    wait_until(lambda: all(mark.exists() for mark in marks), "both have fired", seconds=150)
    assert len(ssh_server.at_queue()) == 1
    ssh_server.run("crontab -r")
    assert ssh_server.crontab() == ""


def test_a_client_that_checks_host_keys_gets_in(ssh_server: SshHost) -> None:
    with paramiko.SSHClient() as client:
        client.load_host_keys(str(ssh_server.known_hosts))
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        key = str(ssh_server.private_key)
        client.connect(ssh_server.address, username=ssh_server.username, key_filename=key)
        with client.open_sftp() as files:
            assert ".ssh" in files.listdir(".")
