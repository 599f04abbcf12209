"""The collector: reads what probes spool and keeps the metrics store."""
