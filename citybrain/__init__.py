"""CityBrain: the project package and the ground that every app stands on."""
