"""Knowledge: what the world says, as tables with sources and dates, and typed questions on them."""
