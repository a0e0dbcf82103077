"""What a run needs before its first cell: images, weights, and the way of the accelerator."""
