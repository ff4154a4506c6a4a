"""Everything that knows FFmpeg: probe, read, pixel regions, encode, mux, stills."""
