"""Procedures: pull what holders hold, compare it with what the owners say, mend it; and take catalogues from spreadsheets."""
