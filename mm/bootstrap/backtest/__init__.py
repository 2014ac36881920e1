"""A backtest, from a job to its result: data, engine, kernel, the directory that it leaves."""
