"""Recipe of BlendFace's encoder: ArcFace training on faces that are pasted onto partners."""
