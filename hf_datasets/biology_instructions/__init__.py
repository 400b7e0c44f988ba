"""Biology-Instructions (arXiv 2412.19191): 21 tasks on sequences, each with two faces.

One face is text for language models, the other a sequence and a typed label for embeddings.
"""
