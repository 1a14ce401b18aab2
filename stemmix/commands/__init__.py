"""The commands by what they are for: they read arguments, call the rooms, and say what came of it."""
