"""Crawls of registered hosts: asked politely, and only for what their publishers permit."""
