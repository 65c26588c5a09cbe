"""Pictures of flows: what is drawn, where it goes, and how it looks as SVG or as text."""
