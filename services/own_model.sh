#!/bin/sh
# For `skaffold dev` with a model of one's own: MODEL is its folder.
#   services/own_model.sh files     prints the folder's files as JSON
#   services/own_model.sh build     builds the folder's image as IMAGE, on the SDK's image SDK
set -eu

files() {
  find "$MODEL" -type f ! -path '*/__pycache__/*' | sort | sed 's/.*/"&"/' | paste -s -d , - | sed 's/.*/[&]/'
}

build() {
  # The folder's Dockerfile names a release of the SDK's image; here that name means the image of this checkout.
  docker tag "$SDK" "$(sed -n 's/^FROM //p' "$MODEL/Dockerfile" | head -n 1)"
  docker build --tag "$IMAGE" "$MODEL"
  if [ "$PUSH_IMAGE" = true ]; then docker push "$IMAGE"; fi
}

"$1"
