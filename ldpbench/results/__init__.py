"""DuckDB: migrations, ingest of run folders, queries, export."""
