"""What authority is and when one lies within another. Pure; a question that cannot be decided is never a yes."""
