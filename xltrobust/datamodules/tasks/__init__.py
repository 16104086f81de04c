"""Tasks: labelled in one language and tested in many."""
