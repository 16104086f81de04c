"""Clean and attacked test, in training and after it: predictions, figures, and the files that record them."""
