"""What is in front of a face: hands, hair, glasses, microphones, anything."""
