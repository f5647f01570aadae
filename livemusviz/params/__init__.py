"""Parameters, each declared once: typed, with range, unit and doc. The ground floor; standard library only."""
