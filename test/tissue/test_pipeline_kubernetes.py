"""The Job for Kubernetes, held against the part of the API batch/v1 that it uses: which members an
object may have, of which type, and the rules the API server checks. No cluster has run it."""
import pathlib
import re

import pytest
import yaml

PROJECT = pathlib.Path(__file__).resolve().parents[2]
FILE = PROJECT / "examples/pipelines/spots.yaml"
QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|Ki|Mi|Gi|Ti|k|M|G|T)?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

# Members of each object, as the API has them; the ones that must be there have a "!".
LABELS = {"*": str}
POD_SPEC = {
    "restartPolicy!": str, "terminationGracePeriodSeconds": int, "enableServiceLinks": bool,
    "automountServiceAccountToken": bool,
    "containers!": [{
        "name!": str, "image": str, "command": [str], "args": [str],
        "env": [{"name!": str, "value": str, "valueFrom": {
            "fieldRef": {"fieldPath!": str, "apiVersion": str},
            "secretKeyRef": {"name": str, "key!": str, "optional": bool}}}],
        "resources": {"requests": {"*": str}, "limits": {"*": str}},
        "volumeMounts": [{"name!": str, "mountPath!": str, "readOnly": bool, "subPath": str}]}],
    "volumes": [{"name!": str, "persistentVolumeClaim": {"claimName!": str, "readOnly": bool}}]}
JOB = {
    "apiVersion!": str, "kind!": str,
    "metadata!": {"name!": str, "namespace": str, "labels": LABELS},
    "spec!": {
        "completionMode": str, "completions": int, "parallelism": int, "backoffLimit": int,
        "backoffLimitPerIndex": int, "maxFailedIndexes": int, "ttlSecondsAfterFinished": int,
        "activeDeadlineSeconds": int,
        "podFailurePolicy": {"rules!": [{
            "action!": str, "onPodConditions": [{"type!": str, "status!": str}],
            "onExitCodes": {"operator!": str, "values!": [int], "containerName": str}}]},
        "template!": {"metadata": {"labels": LABELS}, "spec": POD_SPEC}}}


def check(value, shape, where="job"):
    if isinstance(shape, list):
        assert isinstance(value, list) and value, where
        for number, one in enumerate(value):
            check(one, shape[0], f"{where}[{number}]")
    elif isinstance(shape, dict):
        assert isinstance(value, dict), where
        if "*" in shape:
            for name, one in value.items():
                check(one, shape["*"], f"{where}.{name}")
            return
        known = {name.rstrip("!"): of for name, of in shape.items()}
        assert set(value) <= set(known), f"{where}: unknown {set(value) - set(known)}"
        for name in shape:
            assert not name.endswith("!") or name[:-1] in value, f"{where} has no {name[:-1]}"
        for name, one in value.items():
            check(one, known[name], f"{where}.{name}")
    else:
        # YAML's true is a bool, which is an int to Python.
        assert type(value) is shape, f"{where}: {value!r} is no {shape.__name__}"


def check_rules(job):
    """What the API server checks beside the shape."""
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert NAME.fullmatch(job["metadata"]["name"])
    assert spec["completionMode"] in ("Indexed", "NonIndexed")
    # Limits for each index go with indexed Jobs only, and failure policies with Never.
    assert spec["completionMode"] == "Indexed" and pod["restartPolicy"] == "Never"
    assert spec["maxFailedIndexes"] <= spec["completions"]
    assert all(rule["action"] in ("Ignore", "FailJob", "Count", "FailIndex")
               for rule in spec["podFailurePolicy"]["rules"])
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in pod["containers"]:
        assert NAME.fullmatch(container["name"])
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        for kind in ("requests", "limits"):
            for quantity in container["resources"][kind].values():
                assert QUANTITY.fullmatch(quantity), quantity
        for variable in container["env"]:
            assert ("value" in variable) != ("valueFrom" in variable)
            assert len(variable.get("valueFrom", {"": ""})) == 1


def job_of(run, *more):
    done = run("pipeline", "kubernetes", FILE, "--name", "pilots", "--image",
               "registry.lab/stroma:1", "--url", "http://stroma.lab:8080", "--mount", "/srv/lab",
               *more)
    return yaml.safe_load(done.stdout)


@pytest.mark.parametrize("more", [
    (), ("--pilots", "12", "--cores", "8", "--memory", "30GiB", "--namespace", "lab", "--time",
         "8h", "--directory", "/srv/lab/data", "--claim", "lab-data", "--secret", "lab-token")])
def test_the_job_is_one_that_kubernetes_takes(run, more):
    job = job_of(run, *more)
    check(job, JOB)
    check_rules(job)


def test_it_says_what_was_asked_for(run):
    job = job_of(run, "--pilots", "12", "--directory", "/srv/lab/data", "--idle", "5min")
    spec, container = job["spec"], job["spec"]["template"]["spec"]["containers"][0]
    assert spec["completions"] == spec["parallelism"] == 12
    # As large as the pipeline's largest stage, and the worker itself beside it.
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}
    assert container["command"] == [
        "stroma", "pipeline", "worker", "--data", "/srv/lab/data", "--url",
        "http://stroma.lab:8080", "--name", "$(POD_NAME)", "--cores", "1", "--memory",
        str(256 << 20), "--idle", "300"]
    token = next(one for one in container["env"] if one["name"] == "STROMA_TOKEN")
    assert token["valueFrom"]["secretKeyRef"] == {"name": "stroma-token", "key": "token"}
    assert container["volumeMounts"][0]["mountPath"] == "/srv/lab"


def test_the_check_sees_what_is_wrong(run):
    job = job_of(run)
    job["spec"]["completion"] = 3
    with pytest.raises(AssertionError, match="unknown {'completion'}"):
        check(job, JOB)
    job = job_of(run)
    job["spec"]["parallelism"] = "2"
    with pytest.raises(AssertionError, match="parallelism"):
        check(job, JOB)
