"""Reports: what was trained on what, how, and how well, as one page of HTML that needs nothing else."""

from twofold.report.comparison import render_comparison
from twofold.report.run import render_report
from twofold.report.subject import Subject

__all__ = ["Subject", "render_comparison", "render_report"]
