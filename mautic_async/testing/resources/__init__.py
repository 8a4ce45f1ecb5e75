"""The nouns of the API: each a declaration of its properties, with what is special about it."""
