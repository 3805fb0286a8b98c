"""The report of an evaluation, as data and as Markdown."""
