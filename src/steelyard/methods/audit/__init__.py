"""How much of what is claimed is true: which firms to inspect, drawn so that anyone can check, and what their inspections say."""
