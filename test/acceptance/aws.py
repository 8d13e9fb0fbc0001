"""AWS clients as they are, pointed at a server's port."""
import json
import os
import pathlib
import subprocess
import types

import boto3
import botocore.config

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
REGION = "us-east-1"


def address_of(server):
    """Where the server's AWS port answers."""
    return json.loads((pathlib.Path(server.data) / "server.json").read_text())["aws"]


def make_key(run, server, user):
    """A user of that name with an access key."""
    run("user", "add", user, data=server.data)
    made = json.loads(run("key", "create", user, "--json", data=server.data).stdout)
    return types.SimpleNamespace(id=made["id"], secret=made["secret"], user=user)


def client(server, key, service="s3", url=None, retries=0, **options):
    """boto3's client, which doesn't hide a failure by trying again."""
    config = botocore.config.Config(retries={"max_attempts": retries},
                                    **options.pop("config", {}))
    return boto3.client(service, endpoint_url=url or address_of(server), region_name=REGION,
                        aws_access_key_id=key.id, aws_secret_access_key=key.secret,
                        config=config, **options)


def environment(key):
    """What awscli reads, and nothing of the user who runs the test."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
            "AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret,
            "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1"}


def awscli(server, key, *arguments, url=None, fails=False, **options):
    """One run of Debian's awscli: what it printed."""
    done = subprocess.run(
        ["/usr/bin/aws", "--endpoint-url", url or address_of(server), *map(str, arguments)],
        capture_output=True, text=True, env=environment(key), timeout=300, check=False, **options)
    assert (done.returncode != 0) == fails, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stderr if fails else done.stdout


def s3cmd(server, key, *arguments):
    """One run of Debian's s3cmd: what it printed, on both."""
    host = address_of(server).removeprefix("http://")
    done = subprocess.run(
        ["/usr/bin/s3cmd", "--config=/dev/null", f"--access_key={key.id}",
         f"--secret_key={key.secret}", f"--host={host}", f"--host-bucket={host}", "--no-ssl",
         *map(str, arguments)],
        capture_output=True, text=True, env=environment(key), timeout=300, check=False)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr
