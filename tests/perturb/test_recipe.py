"""Attacks as configurations name them, told again for results."""

import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
import yaml

from xltrobust.errors import UserError
from xltrobust.evaluation.attack_recipes import build_recipe
from xltrobust.perturb import (
    Attack,
    BeamSearch,
    CasePerturbation,
    GradientSearch,
    GreedyEverything,
    GreedySearch,
    KeepNumbers,
    MaxEditDistance,
    MaxWordsChanged,
    Misclassification,
    RandomSearch,
    SemanticSimilarity,
    Targeted,
    TypoPerturbation,
    WordDropping,
)
from xltrobust.perturb.recipe import check_attack_name, describe_attack, first_difference

SIMILAR = SemanticSimilarity(minimum=0.8, encoder="e", prefix="")
RECIPES = [
    Attack(perturbation=TypoPerturbation(), search=RandomSearch()),
    Attack(
        perturbation=TypoPerturbation(operations=("swap",), sides=("text_pair",)), search=BeamSearch(width=2), budget=9
    ),
    Attack(perturbation=WordDropping(), search=GreedySearch(ranking="gradient", candidates_per_word=3, sweeps=2)),
    Attack(perturbation=WordDropping(), search=GreedyEverything(), constraints=[MaxEditDistance(distance=2)], budget=1),
    Attack(
        perturbation=CasePerturbation(),
        search=GradientSearch(candidates_per_word=2),
        constraints=[MaxWordsChanged(share=0.25), KeepNumbers(), SIMILAR],
    ),
]


def configured(described):
    """What is told of an attack, as a configuration file would have it."""

    def part(own):
        return {
            "class_path": f"xltrobust.perturb.{own['class']}",
            "init_args": {name: value for name, value in own.items() if name != "class"},
        }

    constraints = [part(own) for own in described["constraints"]]
    parts = {name: part(described[name]) for name in ("perturbation", "search")}
    return parts | {"constraints": constraints, "budget": described["budget"]}


def test_all_arguments_are_told():
    described = describe_attack(RECIPES[4])
    assert described["search"] == {"class": "GradientSearch", "candidates_per_word": 2}
    assert described["constraints"] == [
        {"class": "MaxWordsChanged", "share": 0.25},
        {"class": "KeepNumbers"},
        {"class": "SemanticSimilarity", "minimum": 0.8, "encoder": "e", "prefix": "", "max_length": 128},
    ]
    assert described["budget"] is None and described["perturbation"]["class"] == "CasePerturbation"
    typos = {"class": "TypoPerturbation", "operations": ["swap"], "sides": ["text_pair"], "min_word_length": 2}
    assert describe_attack(RECIPES[1])["perturbation"] == typos


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda own: type(own.search).__name__)
def test_what_is_told_makes_the_same_attack_again(recipe):
    told = json.loads(json.dumps(describe_attack(recipe)))
    again = build_recipe(configured(told), "results.json")
    assert json.loads(json.dumps(describe_attack(again))) == told
    assert type(again.search) is type(recipe.search) and type(again.perturbation) is type(recipe.perturbation)
    assert [type(own) for own in again.constraints] == [type(own) for own in recipe.constraints]


@pytest.mark.parametrize("budget", [0, -3])
def test_a_budget_for_nothing_is_refused(budget):
    with pytest.raises(
        ValueError, match=f"Expected argument `budget` to be a positive integer or None, but got {budget}"
    ):
        Attack(perturbation=WordDropping(), search=BeamSearch(), budget=budget)


def test_attacks_stay_as_they_are_and_share_no_constraints():
    first, second = (Attack(perturbation=WordDropping(), search=BeamSearch()) for _ in range(2))
    with pytest.raises(FrozenInstanceError):
        first.budget = 3
    first.constraints.append(KeepNumbers())
    assert second.constraints == []


@pytest.mark.parametrize("name", ["clean", "worst", "a/b", "/", ""])
def test_names_that_results_use_otherwise_are_refused(name):
    with pytest.raises(ValueError, match="an attack cannot be named"):
        check_attack_name(name)


def test_where_two_attacks_part_is_named():
    one, other = (describe_attack(own) for own in (RECIPES[4], RECIPES[3]))
    changed = {**one, "constraints": [*one["constraints"][:2], {**one["constraints"][2], "minimum": 0.9}]}
    found = first_difference(one, changed)
    assert (found.option, found.there, found.here, found.unknown) == ("recipe.constraints.2.minimum", 0.8, 0.9, False)
    assert first_difference(one, other).option == "recipe.perturbation"
    assert first_difference(one, json.loads(json.dumps(one))) is None


def test_the_default_goal_is_not_told_and_another_is():
    options = {"perturbation": WordDropping(), "search": BeamSearch()}
    plain, named, other = (
        describe_attack(Attack(goal=goal, **options)) for goal in (None, Misclassification(), Targeted(label=2))
    )
    assert plain == named and "goal" not in plain  # as in the records of versions that had no goals
    assert other == plain | {"goal": {"class": "Targeted", "label": 2}}
    for there, here in ((plain, other), (other, plain)):
        found = first_difference(there, here)
        assert found.option == "recipe.goal" and not found.unknown
    assert first_difference(other, {**other, "goal": {"class": "Targeted", "label": 1}}).option == "recipe.goal.label"
    assert first_difference(other, json.loads(json.dumps(other))) is None


def test_a_configuration_may_name_a_goal():
    part = {"class_path": "xltrobust.perturb.Targeted", "init_args": {"label": 1}}
    options = configured(describe_attack(RECIPES[0]))
    assert build_recipe(options, "a.yaml").goal is None
    goal = build_recipe(options | {"goal": part}, "a.yaml").goal
    assert isinstance(goal, Targeted) and goal.label == 1
    with pytest.raises(UserError, match=r"^a.yaml: .*`label`.* got -1"):
        build_recipe(options | {"goal": part | {"init_args": {"label": -1}}}, "a.yaml")


def test_the_targeted_attack_of_the_documentation_can_be_used():
    text = (Path(__file__).parents[2] / "docs/attacks.md").read_text(encoding="utf8")
    recipe = build_recipe(yaml.safe_load(text.split("```yaml")[1].split("```")[0]), "docs/attacks.md")
    assert describe_attack(recipe)["goal"] == {"class": "Targeted", "label": 0} and recipe.search.sweeps == 5
