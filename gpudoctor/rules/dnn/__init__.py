"""The DNN family of rules."""
