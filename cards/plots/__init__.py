"""Plots fit for a paper, as PNG and SVG, each with its numbers as CSV: a module a plot."""
