"""The real stack on this machine: MiniStack as AWS, the simulator as EMR Serverless, `cdk deploy` as everywhere.

servers     starts MiniStack, the simulator and the bridge between them, and stops them
events      the bridge: the simulator's native events come to MiniStack's default event bus
stack       deploys, and knows the outputs
subscriber  a queue that listens to the events topic
table       the runs table, for an AWS that takes no CloudFormation
__main__    `python -m local up`, `down` and what to try between them, behind `make local` and `make local-down`
"""
