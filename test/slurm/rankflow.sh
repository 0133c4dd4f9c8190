#!/bin/bash
# Acts as rankflow in a job: `sweep --resume DIR --shard auto` or `sweep merge DIR`. A file DIR/does-SHARD has what a
# shard is to do, as shell commands; it is told its start, counted from 1. DIR/starts-SHARD has a line for each start,
# DIR/done-SHARD is there when it is done, and DIR/merged has what was done when the merge ran.
if [ "$1 $2" = 'sweep merge' ]; then
  cd "$3" && ls -d done-* >merged
  exit
fi
[ "$1 $2 $4 $5" = 'sweep --resume --shard auto' ] || exit 2
cd "$3" || exit 2
shard=$((SLURM_ARRAY_TASK_ID + RANKFLOW_SHARD_OFFSET))
echo "$shard of $RANKFLOW_SHARDS in $OLDPWD" >>"starts-$shard"
start=$(wc -l <"starts-$shard")
echo "start $start"
if [ -e "does-$shard" ]; then . "./does-$shard"; fi
touch "done-$shard"
