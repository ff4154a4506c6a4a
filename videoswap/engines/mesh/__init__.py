"""The engine of a fresh machine: the photo warped onto the target's landmarks."""
