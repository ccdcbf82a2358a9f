"""What embeds texts for mining."""
