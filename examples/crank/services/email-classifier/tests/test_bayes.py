import unittest

from email_classifier.bayes import Model, words

MODEL = Model.train([
    ("invoice", "invoice amount due bank transfer"),
    ("invoice", "payment of the amount"),
    ("support", "error help crash password"),
])


class BayesTest(unittest.TestCase):
    def test_words_are_lower_case_without_numbers(self) -> None:
        self.assertEqual(["invoice", "for", "$"], words("Invoice 4711 for $ 1,250."))

    def test_a_message_gets_the_label_of_its_words(self) -> None:
        self.assertEqual("support", MODEL.classify("Help, an error!").label)
        self.assertEqual("invoice", MODEL.classify("the amount due").label)

    def test_probabilities_add_up_to_one(self) -> None:
        self.assertAlmostEqual(1, sum(MODEL.classify("help with the amount").probabilities.values()), places=3)

    def test_words_never_seen_leave_the_more_frequent_label(self) -> None:
        verdict = MODEL.classify("xylophone")
        self.assertEqual(("invoice", []), (verdict.label, verdict.because))
        self.assertAlmostEqual(2 / 3, verdict.probabilities["invoice"], places=3)

    def test_the_reasons_are_words_of_the_message(self) -> None:
        self.assertEqual({"amount", "due"}, set(MODEL.classify("amount due now").because))
