"""The records of all registered models, a file for each modality."""
