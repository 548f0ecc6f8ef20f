"""The identity of a job: what the names of all its runs have in common.

Schedulers put generated parts into the name of each run. Airflow's default is `emr_serverless_job_airflow_<uuid4>`;
Step Functions, dbt and shell scripts add execution names, timestamps and hashes. Without those parts all runs of a job
have the same name again, so that a later run can resolve a failure and a baseline can form.

| generated part                           | for example                                                  |
| ---------------------------------------- | ------------------------------------------------------------ |
| a UUID                                   | `6f1e9f5c-0a4e-4c38-9a3e-3f5f0c2b7d11`                       |
| an ISO 8601 date, with or without a time | `2026-01-31`, `20260131_0200`, `2026-01-31T02:11:09Z`        |
| an ISO 8601 month or week                | `2026-01`, `2026-W05`                                        |
| a run id of Airflow                      | `scheduled__2026-01-31T02:00:00+00:00`                       |
| 8 or more hexadecimal digits             | `3f5f0c2b`; a whole word, with a digit: `feedface` stays     |
| 6 or more digits at the end of a word    | `1769824800`, `000123`                                       |

The separators before a generated part belong to it.

Fewer than 6 digits stay. Such a number is as often what the job is about (a store, a year, `part-07`) as a counter. To
take two jobs for one is the worse mistake: a success of one job would resolve the failure of the other. To take one job
for two is mild: an alert of a job that was seen once only ends after a day.
"""

import re

__all__ = ["trimmed", "without_generated_parts"]

SEPARATORS = r"\s_.,:;/#@+=()\[\]{}|~-"
BEGIN, END = r"(?<![^\W_])", r"(?![^\W_])"
"""The edges of a word: next to them there is neither a letter nor a digit."""
YEAR, MONTH, DAY = "(?:19|20)[0-9]{2}", "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
DATE = YEAR + "(?:" + "|".join(f"{sep}{MONTH}{sep}{DAY}" for sep in ("-", "_", "[.]", "/")) + ")"
ZONE = "(?:z|[+_-](?:0[0-9]|1[0-4])[:_-]?[0-5][0-9])"
TIME = f"(?:[01][0-9]|2[0-3])[:_.-]?[0-5][0-9](?:[:_.-]?[0-5][0-9](?:[.,_][0-9]{{3,9}})?)?{ZONE}?"
TO_TIME = rf"(?:[t\s_.-]?{TIME}{END})?(?![0-9])"
MOMENT, COMPACT_MOMENT = f"(?<![0-9]){DATE}{TO_TIME}", f"(?<![0-9]){YEAR}{MONTH}{DAY}{TO_TIME}"
AIRFLOW = "(?:scheduled|manual|backfill|dataset_triggered|asset_triggered)[_-]{2}"
AIRFLOW_RANDOM = "_(?=[a-z]*[0-9A-Z])[0-9A-Za-z]{8}"
"""Airflow 3 ends the id of a run without a logical date with such a text. Eight small letters are rather a word."""
PARTS = tuple(
    re.compile(rf"(?<![{SEPARATORS}])[{SEPARATORS}]*(?:{generated})")
    for generated in (
        f"(?i:{BEGIN}{AIRFLOW}(?:{MOMENT}|{COMPACT_MOMENT}))(?:{AIRFLOW_RANDOM}{END})?",
        f"(?i:{BEGIN}[0-9a-f]{{8}}(?:[_-][0-9a-f]{{4}}){{3}}[_-][0-9a-f]{{12}}{END})",
        f"(?i:{MOMENT})",
        f"(?i:{BEGIN}(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{{8,}}{END})",
        f"(?i:{COMPACT_MOMENT})",
        f"(?i:{BEGIN}{YEAR}(?:-?w(?:0[1-9]|[1-4][0-9]|5[0-3])(?:-?[1-7])?|[_-]{MONTH}){END})",
        f"(?<![0-9])[0-9]{{6,}}(?:[.][0-9]+)?{END}",
    )
)
"""In this order: an earlier pattern finds a whole of which a later one would leave a rest."""
EDGES = re.compile(rf"^[{SEPARATORS}]+|[{SEPARATORS}]+$")


def without_generated_parts(name: str) -> str:
    """Return the name without its generated parts; empty if nothing else is in it.

    The search is repeated until nothing is found, since what a part leaves behind may join to another.
    """
    before = ""
    while name != before:
        before = name
        for part in PARTS:
            name = part.sub("", name)
        name = trimmed(before, name)
    return name


def trimmed(before: str, name: str) -> str:
    """Return the name without the separators that a removed part has left at its ends."""
    return name if name == before else EDGES.sub("", name)
