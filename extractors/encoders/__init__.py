"""One file per family of encoders, imported only when a model of the family is used."""
