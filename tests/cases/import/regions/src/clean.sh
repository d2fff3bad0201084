# Lines that are numbers.
grep -E '^[0-9]+$' "$1"
