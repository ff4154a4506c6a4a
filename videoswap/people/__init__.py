"""Who is who: tracks become people, people get sources, by photos or by choice."""
