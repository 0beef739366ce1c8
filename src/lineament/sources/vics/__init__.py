"""Case exports in the format of Project VIC (VICS 1.3 and 2.0): a JSON file, with the media beside it."""
