#!/bin/bash
# The main job: two real phones, one behind a NAT (config/quickstart.sh draws it).
exec "$(dirname "$0")/../../config/quickstart.sh"
