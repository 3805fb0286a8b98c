"""Files that people look at: videos, contact sheets, and a moving page of all prompts."""
