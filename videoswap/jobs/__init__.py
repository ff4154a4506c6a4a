"""The jobs a user can ask for, from start to finish: video, picture, folder, faces."""
