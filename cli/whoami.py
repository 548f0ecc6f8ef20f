"""Who types: the name that stands beside what somebody did."""

import getpass
import re

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cli.deployment import BRISK

__all__ = ["whoami"]

LONGEST = 100


def whoami() -> str:
    """The last part of the caller's ARN: a user's name, or that of a role's session.

    Where STS does not answer, the user's name at this computer.
    """
    try:
        arn = boto3.client("sts", config=BRISK).get_caller_identity()["Arn"]
    except (ClientError, BotoCoreError):
        return _here()
    return re.split("[/:]", arn)[-1][:LONGEST]


def _here() -> str:
    try:
        return getpass.getuser()[:LONGEST]
    except (ImportError, KeyError, OSError):
        return "somebody"  # A container may run as a user who has no name.
