"""Go's libraries as the originals use them, a module for each Go package.

A module belongs here if two rooms need it or its words are tested against Go.
"""
