"""What a transformation did: designs, from staggered panels down to one factory."""
