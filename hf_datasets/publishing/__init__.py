"""Putting datasets and new tasks on the Hub: what is checked, what is sent, what is left alone."""
