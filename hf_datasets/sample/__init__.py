"""The embedded sample: a small gene benchmark for trying things out."""
