"""Rules: one file a code, in a folder a family. A rule judges facts against knowledge and never touches the machine."""
