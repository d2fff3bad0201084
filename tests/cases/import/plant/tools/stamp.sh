# Which model it was.
cksum < train/model.txt
