"""From text to token ids, as each upstream does it, without its Python code."""
