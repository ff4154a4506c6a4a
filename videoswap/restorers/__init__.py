"""Networks that redraw a swapped face with more detail, and what puts them behind an engine."""
