"""The report of a study: its question and answer, contrasts, languages, costs, examples, and how to make it again."""
