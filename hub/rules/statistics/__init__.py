"""How dossiers are counted: periods, definitions with their days, form II.06a, index 766; pure, the data beside it."""
