"""The live service: published flows, what starts their runs, and which of these begin when."""
