"""Training of the networks of occlusion: things drawn before faces, two recipes."""
