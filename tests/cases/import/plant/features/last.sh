# The last one.
awk -v unit="$1" 'END { print $1, unit }'
