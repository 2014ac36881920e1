"""Raw frames of Binance, a local time and a JSON object per line: lines, records, the book joined."""
