"""Contacts: standard verbs, details, points, and checks of a row before it is sent."""
