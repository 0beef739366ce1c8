"""Pictures in zip, tar and 7z archives."""
