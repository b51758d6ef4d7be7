"""Looking after the record while it is written: what is missing, made anew, or altered beside the leaves."""
