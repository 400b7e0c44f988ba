"""Single-cell counts as an input: `.h5ad`, 10x `.h5`, or a folder of them."""
