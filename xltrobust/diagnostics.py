"""Where configurations of older runs find :class:`~xltrobust.evaluation.alignment.AlignmentDiagnostics`."""

from xltrobust.evaluation.alignment import AlignmentDiagnostics as AlignmentDiagnostics
