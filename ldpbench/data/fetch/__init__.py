"""Fetching files: resumable, verified, from several mirrors. Imported only where something is fetched."""

from ldpbench.data.fetch.files import fetch_files as fetch_files
from ldpbench.data.fetch.ledger import missing_files as missing_files
