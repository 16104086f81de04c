"""Attacks a classifier that has nothing to do with transformers: character n-grams and a logistic regression.

    pip install scikit-learn
    python examples/attack_your_classifier.py

Anything that answers a list of texts with a row of probabilities each can take its place. The classifier is trained on
English voice commands; afterwards, typing errors are looked for that make it fail. An accuracy is followed by its 95 %
interval, which resamples templates, because sentences of one template are right and wrong together.
"""

from __future__ import annotations

import argparse

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from xltrobust.datamodules import HomeAssistantIntents
from xltrobust.metrics.bootstrap import bootstrap_accuracy
from xltrobust.perturb import AttackResult, GreedySearch, MaxWordsChanged, TextVictim, TypoPerturbation, attack


def main(max_train: int | None, max_test: int) -> list[AttackResult]:
    """Trains, attacks, prints what came of it.

    Args:
        max_train: training examples; None takes all.
        max_test: test examples.
    """
    task = HomeAssistantIntents(languages=["de"], max_train_examples=max_train, max_test_examples=max_test)
    train = task.train_examples
    test = next(own.examples for own in task.test_sets if own.split == "test" and own.language == "en")
    classifier = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)), LogisticRegression(C=30, max_iter=1000)
    )
    classifier.fit([example.text for example in train], [example.label for example in train])

    # The columns of predict_proba are the labels seen in training, in order; here all of them are.
    assert list(classifier.classes_) == list(range(len(task.labels)))
    results = attack(
        test,
        TextVictim(classifier.predict_proba),
        perturbation=TypoPerturbation(),
        search=GreedySearch(candidates_per_word=8),
        constraints=[MaxWordsChanged(share=0.3)],
        budget=100,
    )

    attacked = [result for result in results if result.adversarial is not None]
    clean = [not result.broken or result.adversarial is not None for result in results]
    robust = [not result.broken for result in results]
    language, template = ["en"] * len(results), [result.example.group for result in results]
    for name, right in (("clean", clean), ("typing errors", robust)):
        value, low, high, *_ = bootstrap_accuracy(right, language, template)["en"]
        print(f"{name}: {100 * value:.1f} % [{100 * low:.1f}, {100 * high:.1f}] of {len(results)} sentences")
    for result in [result for result in attacked if result.broken][:3]:
        assert result.adversarial is not None
        before, after = task.labels[result.example.label], task.labels[result.prediction]
        print(f"{result.example.text!r} is {before}; {result.adversarial.text!r} is taken for {after}")
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Attack a scikit-learn classifier of voice commands.")
    parser.add_argument("--max_train", type=int, help="training examples (default: all)")
    parser.add_argument("--max_test", type=int, default=100, help="test examples (default: %(default)s)")
    given = parser.parse_args()
    main(given.max_train, given.max_test)
