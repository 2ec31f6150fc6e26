"""What the engine relies on in every method, as checks that name what was expected, what was found and what to do."""

from ldpbench.methods.contract.finding import Finding
from ldpbench.methods.contract.run import Report, check_folder, check_method

__all__ = ["Finding", "Report", "check_folder", "check_method"]
