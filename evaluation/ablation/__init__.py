"""What each part of the recipe is worth."""
