"""The real stack on this machine: MiniStack as AWS, the simulator as EMR Serverless, `cdk deploy` as everywhere.

servers     starts MiniStack and the simulator on loopback and free ports, and stops them
stack       deploys, and knows the outputs
subscriber  a queue that listens to the events topic
table       the runs table, for an AWS that takes no CloudFormation
__main__    `python -m local up` and `down`, behind `make local` and `make local-down`
"""
