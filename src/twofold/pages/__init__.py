"""How numbers and documents are written down: matrices cut to size, pages of HTML that need nothing else."""
