"""What models of gene expression read: their dictionaries, and cells turned into tokens."""
