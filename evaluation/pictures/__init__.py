"""Files for people to look at: videos, contact sheets, pages of all prompts."""
