"""What models say: an extractor zoo that turns genes, proteins, DNA and text into embeddings.

Importing this package, the registry included, imports no model library.
"""
