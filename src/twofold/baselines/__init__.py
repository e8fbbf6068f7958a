"""A first strong model of a table: several networks and a linear model merged into one, and what it is worth."""
