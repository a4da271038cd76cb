"""Troupe beside other systems: what is compared, how it is run, and what is told of it.

All but `running` is pure: cases, figures and bars are data, reports and plots are text.
"""
