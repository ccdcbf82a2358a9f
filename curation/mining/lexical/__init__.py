"""The embedded teacher: texts compared by the words and character n-grams that they share."""
