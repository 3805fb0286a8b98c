"""How a model reads prompts: text features, one vector per prompt, and the trained networks on top of them."""
