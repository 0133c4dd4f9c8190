#!/bin/bash
# Runs rankflow (the first word is its main file), but for the first start of shard 3, which fails.
main=$1
shift
if [ "$SLURM_ARRAY_TASK_ID" = 3 ] && [ ! -e "$3/failed-3" ]; then
  touch "$3/failed-3"
  exit 1
fi
exec node "$main" "$@"
