"""Pictures of flows: their outline, their layout, and their rendering as SVG or as text."""
