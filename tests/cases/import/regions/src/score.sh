# Powers of the weighted values, summed.
awk -v weight="$(cut -d' ' -f2 "$2")" -v power="$3" '{ sum += ($1 * weight) ^ power } END { print sum }' "$1"
