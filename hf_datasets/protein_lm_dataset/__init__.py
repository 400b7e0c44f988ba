"""`protein-lm-dataset`: text about proteins and questions on them, after arXiv 2406.05540."""
