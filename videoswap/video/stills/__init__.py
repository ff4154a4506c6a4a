"""Still pictures, read by Pillow from a fixed list of formats."""
