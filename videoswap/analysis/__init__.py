"""From decoded frames to tracked faces: detect, landmarks, embed, track, store."""
