"""Which kind of message is this? A naive Bayes classifier, trained while its image is built."""
