"""The commands of verse, one file each; everything heavy is imported when they run."""
