"""What tests share: clips, pictures, weight files, stand-ins and models."""
