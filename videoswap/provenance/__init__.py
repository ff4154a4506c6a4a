"""Signed content credentials (C2PA): certificates, signing, and reading what files say."""
