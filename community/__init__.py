"""Community: estates, buildings, rooms, households and those who look after them."""
