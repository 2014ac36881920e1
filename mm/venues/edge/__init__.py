"""What every venue needs of ccxt: the tap, frames, book sync, the classes of errors."""
