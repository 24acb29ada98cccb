"""What promtool accepts and a gateway's user regrets: rules PG001 ...

``detect`` says which jobs scrape a gateway, ``comments`` what the file says to the linter.
"""
