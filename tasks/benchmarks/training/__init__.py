"""Real training of the networks of a space: recipes, data and many runs as one program."""
