"""What is done to the data of the community: one file per noun, a function per verb."""
