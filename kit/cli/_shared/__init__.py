"""What several commands share: options, progress, opening runs and bundles."""
