"""Fixes made for one machine: the same advice in one place, however many rules give it."""
