"""What one picture shows: faces, their landmarks, whose they are. Knows nothing of time."""
