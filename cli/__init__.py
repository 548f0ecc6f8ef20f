"""The `runwatch` command: one file a verb."""
