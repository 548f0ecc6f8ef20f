"""Runwatch: the tick, and the map of this package.

def tick(ports, source, deadline, pacing):
    watched = store.watched(source)
    planned = plan(watched, pacing, now)                            # pure: which runs to get, which lists to sweep
    for look in Round(planned, pacing).looks():                     # GetJobRun, ListJobRuns, as fast as the rates allow
        decision = look.decided(look.tracked)                       # pure
        store.commit(decision.record, decision.entries)             # one transaction, on the version read
        topic.publish(entries); store.mark_published(entries)       # in this order: a crash repeats, never loses

poller.py, inbox.py       Lambda entry points, one folder up: parse, call, return
wiring.py                 makes the clients, reads environment and clock; the only one that knows the adapters
wiring_of_digest.py       what the digest needs besides
wiring_of_board.py        the little that the board needs
probe.py                  whether runs that start now could be found, where a look does not say
tick.py                   everything that is due at one source, inside a minute: as many rounds as are asked for
round.py                  the calls of one plan, as fast as the rates allow
sighting.py               one run that somebody told us of: a request, a native event, a list
discover.py               the runs that nobody told us of
catalogue.py              the applications of a source, asked for within our share, and remembered
check.py                  what a function may do at a source
look.py  commit.py  publish.py    the steps both are made of
alerting.py               what people should hear of it, at the end of each round
digest.py                 what happened in a day, summed up
board.py                  the page on which people see it, and what they click there
ports.py  report.py  errors.py    what the flow asks of the world, what it counts, what can go wrong
stored.py                 how records and entries stand in the table; stored_alerts.py: alerts
transactions.py           what DynamoDB takes at once
books.py                  what alerting remembers, and how a change of it is stored
sparing.py                what many runs share is said a few times
settings.py               what the environment says
core/                     what is decided, with no I/O in it
adapters/                 AWS, and the same ports in memory
"""
