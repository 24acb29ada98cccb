# The commands that people type; `just` alone lists them. They need tox, and a virtual environment as CONTRIBUTING.md
# sets it up.

python := if path_exists(".venv/bin/python") == "true" { ".venv/bin/python" } else { "python3" }

_list:
    @{{ just_executable() }} --list --unsorted

# the quick tests, in less than a minute; arguments go to pytest
test *arguments:
    {{ python }} -m pytest {{ arguments }}

# what CI asks for: every environment that must pass before a change lands
check:
    tox run-parallel -q -m ci

# let ruff repair and format, and regenerate the options table
fix:
    {{ python }} -m ruff check -q --fix .
    {{ python }} -m ruff format -q .
    {{ python }} docs/options_table.py

# the documentation as a site, in docs/_build
docs:
    tox run -q -e docs -- docs/_build

# refresh the versions that tox installs
constraints:
    tox run -q -e constraints
