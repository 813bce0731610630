"""At scale: studies, plans, execution on Ray, the result store and reports."""
