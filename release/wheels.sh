#!/bin/sh
# Builds the wheels of the services and the models, installs them into a new environment, and runs the unit tests against them.
# No package may be imported from the checkout.
#
#     sh release/wheels.sh PYTHON TORCH      TORCH is a requirement, such as torch==2.13.0
set -eu
cd "$(dirname "$0")/.."
unset PYTHONPATH

wheels=build/wheels
environment=build/wheels-environment
packages=$(for file in services/*/*/__init__.py models/*/*/__init__.py; do basename "$(dirname "$file")"; done)
tests="tests/unit/bridge tests/unit/pictures tests/unit/api tests/unit/worker tests/unit/models"

# A build would pick up files that an earlier build left there, even deleted ones.
remove_builds() { rm -rf services/*/build models/*/build; }
trap remove_builds EXIT
remove_builds
rm -rf "$wheels" "$environment"
"$1" -m venv "$environment"
python=$PWD/$environment/bin/python
install() {
    "$python" -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt "$@"
}

install --requirement requirements-unit.txt psutil "$2"
"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir "$wheels" services/*/ models/*/
install "$wheels"/*.whl
for model in "$wheels"/*_model_*.whl; do install "$model[api,worker]"; done  # the requirements of both halves

# shellcheck disable=SC2086
"$python" -I - $packages <<'END'
import importlib.util
import sys

for name in sys.argv[1:]:
    found = importlib.util.find_spec(name).origin
    if not found.startswith(sys.prefix):
        sys.exit(f"{name} is imported from {found}, not from its wheel")
END
# shellcheck disable=SC2086
"$python" -m pytest --quiet --numprocesses auto $(printf -- '--cov=%s ' $packages) --cov-report= $tests
echo "coverage, branches included: $("$python" -m coverage report --format total) % of" $packages
