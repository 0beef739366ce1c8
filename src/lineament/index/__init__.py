"""Indexes of templates: every face compared, behind one port."""
