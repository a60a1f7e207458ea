"""gpudoctor finds out why a GPU does not work for TensorFlow, PyTorch, JAX or CuPy, and says what to do."""

__version__ = "0.1.0"
