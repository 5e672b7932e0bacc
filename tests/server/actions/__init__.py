"""The actions and apps that the tests' servers serve."""
