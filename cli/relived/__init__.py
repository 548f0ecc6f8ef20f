"""The past lived again under another alert policy: what `runwatch backtest` does between reading and showing.

past      what the table still tells of it         record    a run as it was remembered after each of its messages
rounds    the moments at which the poller judged   usual     what was known before the first of them
sight     looks that failed, as far as was told    books     what alerting remembers meanwhile
replay    all of it through `runwatch.alerting`    compared  what it comes to, next to what was sent
shown     that, for people and for programs          tried     the policy: of a file, or the one in force
"""
