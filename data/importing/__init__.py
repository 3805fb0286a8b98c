"""Your own videos with captions as clips: folders, WebDataset tars and Parquet files."""
