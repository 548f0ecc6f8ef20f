"""Who should hear what of the job runs: rules, the policy that sets their limits, and the life of an alert.

rules      what there are alerts about            policy     limits and severities, for a job, as configured
tags       what a run's own tags ask for          schedule   crons, with time zones
silences   what people do not want to hear        causes     the first error, as a class
book       what is open, and is remembered        history    what is usual of a job
verdicts   rules that time alone can break        desk       where alerts open and resolve
hearing    what follows from a ledger entry       watching   what follows from the time, and from looks that fail
families   several alerts with one cause          telling    what people are told at once
calling    who is told what, now                  logs       where a driver's log is
document   an alert, for programs                 text       the same for people
chat       the same for a chat channel            headline   the first line of both
story      what stands below it                   plain      texts of strangers, made harmless
sight      how the looks of a round went          faults     what is wrong with what people wrote
fields     single values that people write        patterns   errors that a policy knows besides
addressed  which tags are for us                  job_identity  what the names of a job's runs have in common
"""
