"""Whether the tests of the core notice when it is broken: see docs/mutation.md."""
