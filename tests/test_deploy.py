"""What `deploy/` holds, by the validators of the tools that read it, each shown to see a fault."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from extractors.__main__ import build_parser
from extractors.jobs.command import is_job
from hf_datasets import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
KUBERNETES = "1.30"


def linted(*words: str, text: str) -> str:
    """What a linter of this environment says about a text."""
    program = Path(sys.executable).parent / words[0]
    done = subprocess.run(
        [program, *words[1:], "-"], input=text, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""


def faults_of_script(text: str) -> str:
    parsed = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    return parsed.stderr or linted("shellcheck", "--severity=style", text=text)


def faults_of_containerfile(text: str) -> str:
    return linted("hadolint", "--no-color", text=text)


def faults_of_ray_cluster(text: str) -> str:
    """By the schema of Ray's launcher, and EC2's of the machines that it is to start."""
    launcher = import_module("ray.autoscaler._private.util")
    schema_fault = import_module("jsonschema").ValidationError
    try:
        config = launcher.prepare_config(yaml.safe_load(text))
        launcher.validate_config(config)
    except (schema_fault, ValueError, AssertionError) as error:
        return str(error)
    ec2 = import_module("botocore.session").get_session().get_service_model("ec2")
    asked = ec2.operation_model("RunInstances").input_shape
    validator = import_module("botocore.validate").ParamValidator()
    faults = ""
    for kind in config["available_node_types"].values():
        machine = {**kind["node_config"], "MinCount": 1, "MaxCount": 1}
        faults += validator.validate(machine, asked).generate_report()
    return faults


def faults_of_kubernetes(text: str) -> str:
    """By the schema of Kubernetes: the pods of the job, and what stands beside it.

    Of the RayJob around them KubeRay alone has the schema.
    """
    found = import_module("kubernetes_validate")
    account, job = yaml.safe_load_all(text)
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    pods = [{"apiVersion": "v1", "kind": "Pod", **group["template"]} for group in groups]
    for thing in (account, *pods):
        try:
            found.validate(thing, KUBERNETES, strict=True)
        except found.ValidationError as error:
            return str(error)
    return ""


CHECKS: dict[str, Callable[[str], str]] = {
    "slurm.sh": faults_of_script,
    "Containerfile": faults_of_containerfile,
    "ray-cluster.yaml": faults_of_ray_cluster,
    "kuberay-job.yaml": faults_of_kubernetes,
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_tools_take_it(name: str) -> None:
    assert CHECKS[name]((DEPLOY / name).read_text(encoding="utf-8")) == ""


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("slurm.sh", '--jobs="$SLURM_JOB_ID"', "--jobs=$SLURM_JOB_ID"),
        ("slurm.sh", "\ndone\n", "\n"),
        ("Containerfile", "USER 1000", "USER root"),
        ("Containerfile", "pip install --no-cache-dir", "pip install"),
        ("ray-cluster.yaml", "idle_timeout_minutes: 5", "idle_timeout_minutes: soon"),
        ("ray-cluster.yaml", "head_node_type: head", "head_node_type: boss"),
        ("ray-cluster.yaml", "{MarketType: spot}", "{Market: spot}"),
        ("kuberay-job.yaml", "containerPort: 8080", "containerPort: metrics"),
        ("kuberay-job.yaml", "operator: Exists", "opertor: Exists"),
    ],
)
def test_the_tools_see_a_fault(name: str, good: str, bad: str) -> None:
    text = (DEPLOY / name).read_text(encoding="utf-8")
    assert good in text
    assert CHECKS[name](text.replace(good, bad))


def test_every_command_shown_is_one() -> None:
    """The words of `extract`, wherever they stand."""
    shown = []
    for path in sorted(DEPLOY.iterdir()):
        text = re.sub(r"\\?\n[# ]*(?=--)", " ", path.read_text(encoding="utf-8"))
        shown += re.findall(r"--model [^'`#\n…]+--out [^'`#\n…]+", text)
    assert len(shown) >= 5
    for words in shown:
        arguments = build_parser().parse_args(shlex.split(words))
        assert is_job(arguments), words


def test_what_is_said_twice_is_the_same() -> None:
    pins = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    )
    files = {path.name: path.read_text(encoding="utf-8") for path in DEPLOY.iterdir()}
    tags = [tag for text in files.values() for tag in re.findall(r"genezoo:([\d.]+)", text)]
    assert {*tags} == {__version__}
    _, job = yaml.safe_load_all(files["kuberay-job.yaml"])
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == pins["ray"]
    asked = build_parser().parse_args(shlex.split(job["spec"]["entrypoint"])[1:])
    (workers,) = cluster["workerGroupSpecs"]
    assert asked.gpus <= workers["maxReplicas"]
    for group in (cluster["headGroupSpec"], workers):
        assert {*ports(group)} == {8080}, group


def ports(group: dict[str, Any]) -> list[int]:
    """Where a group has its metrics, by those who write, open and read them."""
    template = group["template"]
    (opened,) = (
        port["containerPort"]
        for port in template["spec"]["containers"][0]["ports"]
        if port["name"] == "metrics"
    )
    read = template["metadata"]["annotations"]["prometheus.io/port"]
    return [int(group["rayStartParams"]["metrics-export-port"]), opened, int(read)]


def test_the_image_gets_what_the_wheel_is_made_of_and_the_builder_no_more() -> None:
    recipe = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    copied = {
        name
        for words in re.findall(r"^COPY (.+) \S+$", recipe, re.MULTILINE)
        for name in words.split()
    }
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {*project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]}
    needed |= {project["project"]["readme"], *project["project"]["license-files"]}
    assert copied == let_in == needed | {"pyproject.toml", "constraints.txt"}


def test_the_script_by_itself_says_what_it_is_for() -> None:
    done = subprocess.run(
        ["bash", DEPLOY / "slurm.sh", "--model", "random"],
        capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("slurm.sh: error: this is for sbatch: ")
