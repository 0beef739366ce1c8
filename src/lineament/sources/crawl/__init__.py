"""Crawls of registered hosts, within politeness limits and only of what their publishers permit."""
