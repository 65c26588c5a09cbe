"""dagflow: typed, total flows for the users of your product."""

from dagflow.lang.compiler import Compilation as Compilation
from dagflow.lang.compiler import compile_text as compile_text
