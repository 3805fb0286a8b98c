"""How a model reads prompts: text features, a vector a prompt, and the trained networks over them."""
