"""The credentials of a role, by STS's AssumeRole: asked for when the first call needs them, and anew before they end.

botocore holds them: from 15 minutes before their end it asks for new ones, and from 10 minutes before no call goes out
with the old. A role that cannot be assumed fails the call that needed it: as denied where STS says no, as unavailable
where STS does not answer, so that neither is taken for an answer of EMR Serverless.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError

from runwatch.core.failures import Failure, failure_of

__all__ = ["assumed"]

NAME = "runwatch"
"""Of the sessions: whoever reads the other account's CloudTrail sees who asked."""
ONCE = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
"""A look waits for this besides its own call, and both have to fit into the margin before the deadline."""
AGAIN_AFTER = timedelta(seconds=5)
"""A tick asks for thousands of runs: as long as this they are all told what STS said to the first."""


class RoleNotAnswered(BotoCoreError):
    fmt = "sts:AssumeRole of {role_arn}: {cause}"


def assumed(
    own: boto3.Session, role_arn: str, external_id: str | None, clock: Callable[[], datetime]
) -> botocore.session.Session:
    """A session whose clients act as this role. Calls nothing; it is our own session that asks STS, in its Region."""
    # Its warnings, a traceback for every look, would only tell what the failed look tells.
    logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)
    ask = partial(
        own.client("sts", config=ONCE).assume_role,
        RoleArn=role_arn,
        RoleSessionName=NAME,
        **({} if external_id is None else {"ExternalId": external_id}),
    )
    session = botocore.session.get_session()
    session.register_component("credential_provider", CredentialResolver([_Role(ask, role_arn, clock)]))
    return session


class _Role(CredentialProvider):
    METHOD = "runwatch-assumed-role"

    def __init__(self, ask: Callable[[], Mapping[str, Any]], role_arn: str, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._ask = ask
        self._role_arn = role_arn
        self._clock = clock
        self._failed_at: datetime | None = None
        self._failure: Callable[[], BotoCoreError]

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(self._assume, self.METHOD, self._clock)

    def _assume(self) -> Mapping[str, str]:
        """One thread at a time: botocore holds a lock. Raises CredentialRetrievalError or RoleNotAnswered."""
        if self._failed_at is not None and self._clock() - self._failed_at < AGAIN_AFTER:
            failure = self._failure
            raise failure()
        try:
            given = self._ask()["Credentials"]
        except (ClientError, BotoCoreError) as error:
            self._failed_at, self._failure = self._clock(), self._named(error)
            failure = self._failure
            raise failure() from error
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }

    def _named(self, error: ClientError | BotoCoreError) -> Callable[[], BotoCoreError]:
        if isinstance(error, BotoCoreError):
            return self._not_answered(f"{type(error).__name__}: {error}")
        said = error.response.get("Error", {})
        http_status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        cause = f"{said.get('Code')}: {said.get('Message')}"
        if failure_of(said.get("Code", ""), http_status) in (Failure.THROTTLED, Failure.UNAVAILABLE):
            return self._not_answered(cause)
        provider = f"sts:AssumeRole of {self._role_arn}"
        return partial(CredentialRetrievalError, provider=provider, error_msg=cause)

    def _not_answered(self, cause: str) -> Callable[[], BotoCoreError]:
        return partial(RoleNotAnswered, role_arn=self._role_arn, cause=cause)
