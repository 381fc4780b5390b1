"""The demo city: who lives there, what they did in the last days, and the outbreak among them."""
