"""Cedar: documents in, slices of policies and typed values out, and the engines that evaluate one on the other."""
