"""What `cards` can do: a module a verb, with `add_VERB` (its options) and `run_VERB`."""
