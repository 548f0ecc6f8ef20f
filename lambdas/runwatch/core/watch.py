"""What is watched at a source without anybody asking for it: the configuration's rule, and the tag that opts out.

A run that somebody asked to track is watched whatever this says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict, Field

from runwatch.core.model import Monitoring

__all__ = ["OPT_OUT", "Application", "Watch"]

OPT_OUT = "runwatch:watch"
"""A tag of an application or of a job run: `false` keeps it from being watched unasked."""


@dataclass(frozen=True)
class Application:
    id: str
    name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    monitoring: Monitoring | None = None
    """Where the logs of its runs go, unless a run says otherwise."""


class Watch(BaseModel):
    """In a pattern `*` stands for any characters and `?` for one; capitals matter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    applications: tuple[str, ...] = ("*",)
    """Ids, or patterns of names."""
    application_tags: dict[str, str] = Field(default_factory=dict)
    """An application with one of these tags is watched as well; of the values too, a pattern will do."""
    ignore: tuple[str, ...] = ()
    """Patterns of names of applications and of jobs that are not watched all the same."""
    native_events: bool = True
    """Whether EMR Serverless's own events come from this source."""

    @property
    def is_for_nothing(self) -> bool:
        return not (self.applications or self.application_tags)

    def may_want(self, application: Application) -> bool:
        """The same of one whose tags are not known: whether they are worth asking for."""
        if self.ignores(application.name, {}):
            return False
        return bool(self.application_tags) or self._names(application)

    def wants(self, application: Application) -> bool:
        """Whether runs of this application are watched."""
        if self.ignores(application.name, application.tags):
            return False
        return self._names(application) or any(
            name in application.tags and _matches(application.tags[name], [value])
            for name, value in self.application_tags.items()
        )

    def _names(self, application: Application) -> bool:
        return application.id in self.applications or _matches(application.name or "", self.applications)

    def ignores(self, name: str | None, tags: Mapping[str, str]) -> bool:
        """Whether an application or a job run of this name and with these tags is not to be watched."""
        return tags.get(OPT_OUT, "").lower() == "false" or _matches(name or "", self.ignore)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    """Brackets are brackets: of what fnmatch knows only `*` and `?` are promised."""
    return any(fnmatchcase(name, pattern.replace("[", "[[]")) for pattern in patterns)
