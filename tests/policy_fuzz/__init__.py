"""Random policies and questions: what our engines say, against what Cedar says of the whole set."""
