"""What tests share: clips, pictures, weight files, stand-ins and models. All of it is typed."""
