# A model is its name and a weight.
awk -v name="$1" -v rate="$2" -v size="$3" '{ n += $1 } END { print name, n * rate * size }' results/north.csv
