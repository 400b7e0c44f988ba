"""What embeddings are worth: probes that score them on tasks, with the same folds for all."""
