"""What language models answer to biology's questions: asked, parsed and scored."""
