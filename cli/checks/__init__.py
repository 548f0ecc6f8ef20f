"""What `runwatch doctor` checks: a file for each part of the deployment, and what holds them together.

finding.py      what a check answers with
patient.py      the deployment, as far as it can be read without being whole
unanswered.py   why a check could not be made, and what whoever asks would have to be allowed
examination.py  all the checks, several at once, of which none hinders another
chart.py        the findings for people

stack.py  functions.py  permissions.py  ticks.py  schedules.py  quota.py  table.py  records.py  topics.py  inbox.py
rules.py  alarms.py  policy.py

A check is a function of the patient and of what its findings are about. It asks AWS, changes nothing, and yields its
findings; where AWS does not answer it lets the error go.
"""
