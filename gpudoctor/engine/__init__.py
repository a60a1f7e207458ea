"""The engine: judges rules on facts, ranks what they found, makes the report."""
