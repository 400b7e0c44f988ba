"""Networks that turn token ids into vectors, written for batches without padding."""
