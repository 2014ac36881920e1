"""What is read out of recorded runs: audit, reasons, reports, comparisons, exports, repetitions."""
