"""Explanations for the affected person: in words (`words`), as a page (`page`), as a PDF (`pdf`)."""
