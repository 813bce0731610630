"""Real training of recurrent language models: recipes, texts and many runs as one program."""
