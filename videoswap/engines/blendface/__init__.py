"""BlendFace: AEI-Net with BlendFace's encoder and a learned mask."""
