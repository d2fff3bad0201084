# Labels by hand.
echo good
