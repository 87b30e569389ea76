"""The commands of classifiers, one file each; everything heavy is imported when they run."""
