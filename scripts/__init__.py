"""Scripts for whoever works on gpudoctor; each runs on its own."""
