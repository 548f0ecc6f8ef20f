"""The real stack on this machine: MiniStack as AWS, the simulator as EMR Serverless, `cdk deploy` as everywhere.

servers     starts MiniStack, the simulator and the bridge between them, and stops them
events      the bridge: the simulator's native events come to MiniStack's default event bus
stack       deploys, and knows the outputs
subscriber  a queue that listens to one of the topics
table       the runs table, for an AWS that takes no CloudFormation
config.toml what is deployed otherwise than by default
alerts.json a scenario in which every alert rule fires and ends, and alerts.toml, the alert policy for it
__main__    `python -m local up`, `down` and what to try between them, behind `make local` and `make local-down`
"""
