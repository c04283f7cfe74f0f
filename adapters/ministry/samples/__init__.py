"""Sample documents of a ministry's system, and the generator that invents more."""
