"""The digest: what happened at a source in a period, made of the records of the runs that left, and told once.

period     from when until when               sums       what the runs come to, job by job
jobs       what there is to say of a job      alerts     which opened, which are over, which are open
digest     all that is told                   message    the same as the events topic has it
document   of that, what there is room for    entries    as it is owed, to each audience
story      the same for people, in blocks     text       as an e-mail
chat       as a message in a chat channel
"""
