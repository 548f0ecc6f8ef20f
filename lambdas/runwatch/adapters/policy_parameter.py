"""The alert policy's text, from the SSM parameter in which people change it.

Powertools keeps what it read for a minute, and what went wrong as long. What is older is never given out: whoever asks
has the last good policy in the book, and says that this one could not be read.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError

from runwatch.errors import PolicyUnread

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SSMProvider
    from mypy_boto3_ssm import SSMClient

__all__ = ["PolicyParameter"]

SECONDS = 60
FAILED = ("what went wrong",)


class PolicyParameter:
    def __init__(self, client: "Callable[[], SSMClient]", name: str) -> None:
        """`client` makes the one for SSM, when the policy is first asked for: the inbox never does."""
        self._client = client
        self._name = name
        self._made: SSMProvider | None = None

    def __call__(self) -> str:
        """The text, at most a minute old. Raises PolicyUnread."""
        # Imported where it is needed: it takes as long as all else that a container starts with.
        from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError  # noqa: PLC0415

        try:
            provider = self._provider()
        except BotoCoreError as error:
            raise PolicyUnread(f"{self._name}: {error}") from error
        if provider.has_not_expired_in_cache(FAILED):
            raise PolicyUnread(provider.fetch_from_cache(FAILED))
        try:
            return str(provider.get(self._name, max_age=SECONDS))
        except GetParameterError as error:
            cause = f"{self._name}: {error}"
            provider.add_to_cache(FAILED, cause, SECONDS)
            raise PolicyUnread(cause) from error

    def _provider(self) -> "SSMProvider":
        from aws_lambda_powertools.utilities.parameters import SSMProvider  # noqa: PLC0415 - as above

        if self._made is None:
            self._made = SSMProvider(boto3_client=self._client())
        return self._made
