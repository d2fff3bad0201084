# The mean.
awk -v unit="$1" '{ sum += $1 } END { print sum / NR, unit }'
