"""What is decided, with no I/O in it: the standard library and pydantic, values in and values out.

ids          what a run is called                     states    the nine states and what follows from them
model        what GetJobRun is asked and answers      failures  what a failed look means
tracked      what we remember of a run                plan      which runs a round looks at, by which calls
decide       remembered + seen + now → decision       decision  the new record, the entries it owes, and why
plausible    times that cannot be true
transitions  a run that moved, or was retried         attempts  which endings nobody was told
leaving      settled, lost, quarantined, untracked    messages  what subscribers receive
links        where a person would look next           ledger    a message as it is stored and sent
requests     what may be asked of the inbox           hints     word of a run, and whether it is news
watch        what is watched without being asked      cadence   what a round has to find out of a run
rate         what we take of a quota                  turns     who has waited how long
pacing       how the functions share the quotas       durations lengths of time, as people write them
visits       how far discovery has read the lists
alerts/      who should hear what of it               board/    the page on which people see it
digest/      what happened in a day, summed up
"""
