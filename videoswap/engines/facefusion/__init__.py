"""FaceFusion's ONNX files of GHOST and BlendSwap."""
