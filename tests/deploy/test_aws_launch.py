"""cluster.yaml and deploy/head-policy.json against a simulated AWS: Ray's own launcher code runs.

moto answers in the place of AWS. It shows that Ray's launcher and EC2's interface accept the file and
what would be started; it says nothing of capacity, machine images or what the machines then do.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count
from ray.autoscaler._private.aws.config import bootstrap_aws
from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
from ray.autoscaler._private.aws.utils import client_cache, resource_cache
from ray.autoscaler._private.util import prepare_config
from ray.autoscaler.node_launch_exception import NodeLaunchException

ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text())
POLICY: dict[str, Any] = json.loads((ROOT / "deploy" / "head-policy.json").read_text())
REGION: str = CONFIG["provider"]["region"]
PROFILE: str = CONFIG["available_node_types"]["head"]["node_config"]["IamInstanceProfile"]["Name"]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("HOME", str(tmp_path))  # the launcher writes the key pair to ~/.ssh
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for cache in (client_cache, resource_cache):
        cache.cache_clear()
    with mock_aws():
        boto3.client("iam").create_instance_profile(InstanceProfileName=PROFILE)
        yield
    for cache in (client_cache, resource_cache):
        cache.cache_clear()


def bootstrapped() -> dict[str, Any]:
    return bootstrap_aws(prepare_config(copy.deepcopy(CONFIG)))


def start(config: dict[str, Any], node_type: str) -> None:
    tags = {"ray-user-node-type": node_type, "ray-node-name": node_type}
    provider = AWSNodeProvider(config["provider"], config["cluster_name"])
    provider.create_node(config["available_node_types"][node_type]["node_config"], tags, 1)


def instances() -> dict[str, dict[str, Any]]:
    found = boto3.client("ec2").describe_instances()["Reservations"]
    by_type = {}
    for instance in (i for reservation in found for i in reservation["Instances"]):
        tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
        assert tags["ray-cluster-name"] == CONFIG["cluster_name"]
        by_type[tags["ray-user-node-type"]] = instance
    return by_type


def test_launcher_starts_what_the_file_says(aws: None) -> None:
    config = bootstrapped()
    for node_type in CONFIG["available_node_types"]:
        start(config, node_type)
    started = instances()
    assert {name: i.get("InstanceLifecycle", "on demand") for name, i in started.items()} == {
        "head": "on demand",
        "cpu_spot": "spot",
        "gpu_spot": "spot",
    }
    for name, instance in started.items():
        asked = CONFIG["available_node_types"][name]["node_config"]
        assert instance["InstanceType"] == asked["InstanceType"]
        assert instance["ImageId"] == asked["ImageId"]
        assert instance["MetadataOptions"]["HttpTokens"] == "required"
        assert instance["BlockDeviceMappings"][0]["Ebs"]["DeleteOnTermination"] is True
    assert started["head"]["IamInstanceProfile"]["Arn"].endswith(f"/{PROFILE}")
    assert "IamInstanceProfile" not in started["cpu_spot"]
    assert "IamInstanceProfile" not in started["gpu_spot"]


def test_only_ssh_is_open_to_the_outside(aws: None) -> None:
    bootstrapped()
    (group,) = boto3.client("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["ray-autoscaler-naspred"]}]
    )["SecurityGroups"]
    outside = [rule for rule in group["IpPermissions"] if rule["IpRanges"]]
    assert [(rule["FromPort"], rule["ToPort"]) for rule in outside] == [(22, 22)]


@pytest.mark.parametrize("node_type", list(CONFIG["available_node_types"]))
def test_declared_resources_are_those_of_the_instance(aws: None, node_type: str) -> None:
    declared = CONFIG["available_node_types"][node_type]
    (facts,) = boto3.client("ec2").describe_instance_types(
        InstanceTypes=[declared["node_config"]["InstanceType"]]
    )["InstanceTypes"]
    gpus = sum(gpu["Count"] for gpu in facts.get("GpuInfo", {}).get("Gpus", []))
    assert declared["resources"].get("GPU", 0) == gpus
    if node_type != CONFIG["head_node_type"]:
        assert declared["resources"]["CPU"] == facts["VCpuInfo"]["DefaultVCpus"]
    assert facts["ProcessorInfo"]["SupportedArchitectures"] == ["x86_64"]


@set_initial_no_auth_action_count(0)
def use(key: dict[str, str], config: dict[str, Any]) -> None:
    """Act as the head node does, with the rights of the policy."""
    login = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
        "region_name": REGION,
    }
    config["provider"]["aws_credentials"] = {k: v for k, v in login.items() if k != "region_name"}
    start(config, "cpu_spot")
    ec2, s3, iam = (boto3.client(name, **login) for name in ("ec2", "s3", "iam"))
    (reservation,) = ec2.describe_instances()["Reservations"]
    ec2.terminate_instances(InstanceIds=[reservation["Instances"][0]["InstanceId"]])
    s3.put_object(Bucket="my-bucket", Key="naspred/run/part.parquet", Body=b"rows")
    assert s3.get_object(Bucket="my-bucket", Key="naspred/run/part.parquet")["Body"].read() == b"rows"
    assert s3.list_objects_v2(Bucket="my-bucket", Prefix="naspred/")["KeyCount"] == 1
    s3.delete_object(Bucket="my-bucket", Key="naspred/run/part.parquet")
    for refused in (
        lambda: s3.put_object(Bucket="my-bucket", Key="elsewhere/x", Body=b""),
        lambda: s3.list_objects_v2(Bucket="other-bucket"),
        lambda: s3.delete_bucket(Bucket="my-bucket"),
        lambda: iam.list_users(),
        lambda: ec2.create_key_pair(KeyName="x"),
    ):
        with pytest.raises(ClientError, match=r"AccessDenied|UnauthorizedOperation"):
            refused()


def head_key(statements: list[dict[str, Any]]) -> dict[str, str]:
    for bucket in ("my-bucket", "other-bucket"):
        location = {"LocationConstraint": REGION}
        boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
    iam = boto3.client("iam")
    iam.create_user(UserName="head")
    document = json.dumps({**POLICY, "Statement": statements})
    iam.put_user_policy(UserName="head", PolicyName="head", PolicyDocument=document)
    return iam.create_access_key(UserName="head")["AccessKey"]


def test_policy_of_the_head_is_enough_and_not_more(aws: None) -> None:
    use(head_key(POLICY["Statement"]), bootstrapped())


@pytest.mark.parametrize(
    "left_out", ["StartWorkers", "EndWorkersOfThisClusterOnly", "ListResults", "ReadAndWriteResults"]
)
def test_no_statement_of_the_policy_is_idle(aws: None, left_out: str) -> None:
    statements = [s for s in POLICY["Statement"] if s["Sid"] != left_out]
    assert len(statements) == len(POLICY["Statement"]) - 1
    key, config = head_key(statements), bootstrapped()
    with pytest.raises((ClientError, NodeLaunchException), match=r"AccessDenied|UnauthorizedOperation"):
        use(key, config)


def test_policy_ends_instances_of_this_cluster_only() -> None:
    (statement,) = [s for s in POLICY["Statement"] if "ec2:TerminateInstances" in s["Action"]]
    assert statement["Condition"] == {
        "StringEquals": {"ec2:ResourceTag/ray-cluster-name": CONFIG["cluster_name"]}
    }
