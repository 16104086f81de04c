import os
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch

from xltrobust.datamodules import LocalClassification
from xltrobust.datamodules.base import CrossLingualClassification
from xltrobust.datamodules.example_table import Columns
from xltrobust.errors import DataError
from xltrobust.example import Example, language_name


@pytest.fixture(autouse=True)
def seed(monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")


@pytest.fixture
def make(tiny_task, tiny_encoder):
    def make_module(**arguments) -> LocalClassification:
        given = {
            "data_dir": str(tiny_task), "tokenizer": str(tiny_encoder), "source": "en", "languages": ["de", "zh"],
            "batch_size": 16, "columns": Columns(id="id"),
        }  # fmt: skip
        return LocalClassification(**given | arguments)

    return make_module


def shuffle_letters(examples, rng: random.Random):
    return [replace(e, text="".join(rng.sample(e.text, len(e.text)))) for e in examples]


def batches_of(module, epoch: int) -> list[dict[str, torch.Tensor]]:
    loader = module.train_dataloader()
    loader.batch_sampler.set_epoch(epoch)
    return list(loader)


def unpadded(batch: dict) -> list[list[int]]:
    return [ids[mask.bool()].tolist() for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)]


def same(first: list[dict], second: list[dict]) -> bool:
    return len(first) == len(second) and all(
        a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
        for a, b in zip(first, second, strict=True)
    )


def on_device(module, rank: int, world_size: int):
    module.trainer = SimpleNamespace(global_rank=rank, world_size=world_size, state=SimpleNamespace(fn="fit"))
    return module


def test_evaluation_sets_come_in_the_order_of_the_languages(make):
    module = make(languages=["zh", "de"], validate_targets=1)
    assert [(own.split, own.name, len(own.examples)) for own in module.validation_sets] == [
        ("dev", "en", 30), ("dev", "zh", 30), ("dev", "de", 30)
    ]  # fmt: skip
    assert [(own.split, own.name, len(own.examples)) for own in module.test_sets] == [
        ("test", "en", 25), ("test", "zh", 25), ("test", "de", 25)
    ]  # fmt: skip
    assert len(module.val_dataloader()) == len(module.test_dataloader()) == 3


def test_only_the_source_is_validated_on_by_default(make):
    module = make()
    assert [own.name for own in module.validation_sets] == ["en"]
    assert [own.name for own in module.test_sets] == ["en", "de", "zh"]


class SeveralSplits(CrossLingualClassification):
    """A task with a language pair, a second test split and a language without dev examples."""

    labels = ["no", "yes"]
    targets = ["de", ("en", "de")]

    def splits(self):
        return super().splits() | {"test_seen": ["en"]}

    def read(self, split, language):
        if (split, language) == ("dev", "de"):
            return []
        return [Example("1", language, f"{split} {language_name(language)}", 1)]


def test_test_sets_are_all_splits_but_dev_and_sets_without_examples_are_left_out(tiny_encoder):
    module = SeveralSplits(tokenizer=str(tiny_encoder), validate_targets=1)
    assert [own.name for own in module.validation_sets] == ["en", "en>de"]
    assert [(own.split, own.name) for own in module.test_sets] == [
        ("test", "en"), ("test", "de"), ("test", "en>de"), ("test_seen", "en")
    ]  # fmt: skip
    assert module.test_sets[3].examples[0].text == "test_seen en"


def test_training_batches_hold_the_examples_that_they_name(make):
    module = make()
    examples = module.read("train", "en")
    tokenizer = module.tokenization.tokenizer
    seen = []
    for batch in batches_of(module, 0):
        assert batch["input_ids"].shape == batch["attention_mask"].shape and len(batch["labels"]) == 16
        for row, label, index in zip(unpadded(batch), batch["labels"], batch["index"], strict=True):
            assert row == tokenizer(examples[index].text)["input_ids"]
            assert label == examples[index].label
            seen.append(int(index))
    assert len(seen) == len(set(seen)) == 112


def test_evaluation_batches_hold_every_example_once_on_any_number_of_devices(make):
    for world_size in (1, 3):
        seen = []
        for rank in range(world_size):
            loader = on_device(make(eval_batch_tokens=256), rank, world_size).test_dataloader()[1]
            for batch in loader:
                assert batch["input_ids"].numel() <= 256 and batch["input_ids"].shape[1] % 8 == 0
                seen += batch["index"].tolist()
        assert sorted(seen) == list(range(25))


@pytest.mark.parametrize("augmented", [False, True])
def test_training_batches_of_two_devices_are_those_of_one_with_twice_the_batch_size(make, augmented):
    whole = make(batch_size=4)
    ranks = [on_device(make(batch_size=2), rank, 2) for rank in (0, 1)]
    for module in (whole, *ranks):
        if augmented:
            module.add_augmentation(
                lambda examples, rng: [replace(e, text=e.text * rng.randrange(4)) for e in examples]
            )
    whole, *ranks = (batches_of(module, 1) for module in (whole, *ranks))
    assert len(whole) == 30
    for batch, first, second in zip(whole, *ranks, strict=True):
        assert torch.stack([first["index"], second["index"]], 1).flatten().tolist() == batch["index"].tolist()


class Recorder(pl.LightningModule):
    """Writes down the examples it is trained on; it asks for the number of steps, as learning rate schedules do."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list = []

    def configure_optimizers(self):
        assert self.trainer.estimated_stepping_batches == 6
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def training_step(self, batch, _):
        self.seen.append(batch["index"].tolist())
        return self.weight


class SaveAlways(pl.Callback):
    def __init__(self, directory) -> None:
        self.directory = directory

    def on_train_batch_end(self, trainer, *_):
        trainer.save_checkpoint(self.directory / f"step-{trainer.global_step}.ckpt")

    def on_train_epoch_end(self, trainer, *_):
        trainer.save_checkpoint(self.directory / f"epoch-{trainer.global_step}.ckpt")


@pytest.mark.parametrize("augmented", [False, True])
def test_lightning_resumes_the_data_module_from_every_checkpoint(make, tmp_path, augmented):
    def module():
        own = make(batch_size=40)
        if augmented:
            own.add_augmentation(shuffle_letters)
        return own

    def fit(directory, checkpoint=None) -> list:
        directory.mkdir()
        recorder = Recorder()
        trainer = pl.Trainer(
            max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, use_distributed_sampler=False, callbacks=[SaveAlways(directory)],
        )  # fmt: skip
        trainer.fit(recorder, datamodule=module(), ckpt_path=checkpoint, weights_only=False)
        return recorder.seen

    expected = fit(tmp_path / "whole")
    assert expected == [batch["index"].tolist() for epoch in (0, 1) for batch in batches_of(module(), epoch)]
    for path in sorted((tmp_path / "whole").iterdir()):
        assert fit(tmp_path / path.stem, path) == expected[int(path.stem.split("-")[1]) :], path.stem


def test_a_restored_position_is_used_once(make):
    module = make()
    assert module.state_dict() == {}
    module.load_state_dict({"epoch": 1, "delivered": 2})
    assert [module.train_dataloader().state_dict() for _ in range(2)] == [
        {"epoch": 1, "delivered": 2}, {"epoch": 0, "delivered": 0}
    ]  # fmt: skip


def test_a_missing_test_file_is_told_before_training(make, tmp_path):
    make().setup("fit")
    with pytest.raises(DataError, match="nowhere/de.tsv: no such file"):
        make(test="nowhere/{language}.tsv", languages=["de"], source="de", train="en/train.tsv").setup("fit")


def test_the_seed_orders_the_training_examples(make, monkeypatch):
    first, again = batches_of(make(), 0), batches_of(make(), 0)
    assert same(first, again)
    monkeypatch.setenv("PL_GLOBAL_SEED", "8")
    assert not same(first, batches_of(make(), 0))


def test_a_limited_training_set_is_a_seeded_random_subset(make, monkeypatch):
    def chosen(limit: int) -> list[str]:
        module = make(max_train_examples=limit)
        return [e.id for e in module.train_dataloader().dataset.examples]

    everything = [e.id for e in make().read("train", "en")]
    first = chosen(40)
    assert len(first) == len(set(first)) == 40 and set(first) < set(everything) and first != everything[:40]
    assert chosen(40) == first
    assert chosen(500) == everything
    monkeypatch.setenv("PL_GLOBAL_SEED", "8")
    assert set(chosen(40)) != set(first)


def test_limiting_the_training_set_leaves_tests_alone(make):
    assert [len(own.examples) for own in make(max_train_examples=5).test_sets] == [25, 25, 25]


def test_capped_evaluation_sets_are_the_same_items_in_all_languages_and_runs(make, monkeypatch):
    module = make(max_dev_examples=12, max_test_examples=10, validate_targets=1)
    for sets, size in ((module.validation_sets, 12), (module.test_sets, 10)):
        # Labels differ from language to language here, and so do the items that stand for them.
        assert [len(each.examples) for each in sets] == [size] * 3
    everything = {each.id for each in make().read("test", "de")}
    chosen = [[each.id for each in own.examples] for own in module.test_sets]
    assert all(set(own) < everything for own in chosen)
    monkeypatch.setenv("PL_GLOBAL_SEED", "8")
    again = make(max_test_examples=10)
    assert [[each.id for each in own.examples] for own in again.test_sets] == chosen
    counts = again.data_counts()
    assert counts["examples"]["test"] == dict.fromkeys(["en", "de", "zh"], 10)
    assert counts["examples_before_cap"] == {"test": dict.fromkeys(["en", "de", "zh"], 25)}


def test_all_evaluation_data_is_unseen_whatever_a_run_uses_of_it(make):
    everything = [(each.language, each.id) for each in make().unseen_examples()]
    assert len(everything) == 3 * (25 + 30)
    capped = make(max_dev_examples=2, max_test_examples=2)
    assert [(each.language, each.id) for each in capped.unseen_examples()] == everything


def test_augmented_texts_depend_on_epoch_and_example_and_not_on_workers(make):
    def augmented(epoch: int, num_workers: int, batch_size: int = 16) -> list[dict]:
        module = make(num_workers=num_workers, batch_size=batch_size)
        module.add_augmentation(shuffle_letters)
        return batches_of(module, epoch)

    first = augmented(0, 0)
    assert same(first, augmented(0, 2))

    def by_example(batches: list[dict]) -> dict[int, list[int]]:
        return {i: row for batch in batches for i, row in zip(batch["index"].tolist(), unpadded(batch), strict=True)}

    views = by_example(first)
    plain, later, batched = (by_example(b) for b in (batches_of(make(), 0), augmented(1, 0), augmented(0, 0, 8)))
    assert all(sorted(views[i]) == sorted(plain[i]) for i in views)
    assert sum(views[i] != plain[i] for i in views) > 0.9 * len(views)
    both = views.keys() & later.keys()
    assert sum(views[i] != later[i] for i in both) > 0.9 * len(both)
    assert all(views[i] == batched[i] for i in views.keys() & batched.keys())


def test_augmentations_follow_one_another_and_may_give_several_views(make):
    module = make()
    module.add_augmentation(lambda examples, rng: [*examples, replace(examples[0], text="x", label=2)])
    module.add_augmentation(lambda examples, rng: [replace(e, text=e.text + "!") for e in examples])
    batch = batches_of(module, 0)[0]
    assert len(batch["labels"]) == 32 and batch["index"][::2].tolist() == batch["index"][1::2].tolist()
    decode = module.tokenization.tokenizer.batch_decode
    texts = decode(batch["input_ids"], skip_special_tokens=True)
    examples = module.read("train", "en")
    assert texts[1::2] == ["x!"] * 16 and batch["labels"][1::2].tolist() == [2] * 16
    assert texts[::2] == [examples[i].text + "!" for i in batch["index"][::2]]


def test_two_augmentations_do_not_share_their_randomness(make):
    drawn = []

    def note(examples, rng):
        drawn.append(rng.random())
        return examples

    module = make(batch_size=1)
    module.add_augmentation(note)
    module.add_augmentation(note)
    next(iter(module.train_dataloader()))
    assert len(drawn) == 2 * 50 and len(set(drawn)) == len(drawn)  # for every example of a pool, by each


def test_batches_are_of_texts_whose_views_are_about_as_long(make):
    def lengthen(examples, rng):
        return [replace(example, text=example.text + "!" * rng.randrange(60)) for example in examples]

    module = make(batch_size=8, max_length=120)
    module.add_augmentation(lengthen)
    batches = list(module.train_dataloader())
    lengths = [len(row) for batch in batches for row in unpadded(batch)]
    padding = sum(int((batch["attention_mask"] == 0).sum()) for batch in batches)
    unsorted = sum(8 * max(lengths[at::15]) - sum(lengths[at::15]) for at in range(15))
    assert padding < 0.1 * sum(lengths) and unsorted > 3 * padding
    widths = [batch["input_ids"].shape[1] for batch in batches]
    assert widths != sorted(widths)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_view_is_made_once_where_it_is_loaded(make, tmp_path, num_workers):
    def note(examples, rng):
        with (tmp_path / "made").open("a") as file:
            file.write(f"{os.getpid()} {examples[0].id}\n")
        return examples

    module = make(batch_size=2, num_workers=num_workers)
    module.add_augmentation(note)
    assert len(batches_of(module, 0)) == 60
    made = [line.split() for line in (tmp_path / "made").read_text().splitlines()]
    assert sorted(own for _, own in made) == sorted(e.id for e in module.train_examples)
    assert {pid == str(os.getpid()) for pid, _ in made} == {num_workers == 0}


@pytest.mark.parametrize("num_workers", [0, 2])
def test_views_go_on_at_any_batch_of_an_epoch(make, num_workers):
    def module():
        own = make(batch_size=2, num_workers=num_workers)
        own.add_augmentation(shuffle_letters)
        own.add_view("twin", shuffle_letters)
        return own

    def flat(batches) -> list[dict]:
        return [{**batch, **batch["views"]["twin"], "views": torch.ones(1)} for batch in batches]

    expected = flat(batches_of(module(), 3))
    assert not same(expected, flat(batches_of(module(), 2)))
    for delivered in (1, 49, 50, 51, 59):
        own = module()
        own.load_state_dict({"epoch": 3, "delivered": delivered})
        loader = own.train_dataloader()
        assert same(flat(loader), expected[delivered:])
        assert loader.state_dict() == {"epoch": 3, "delivered": 0}


def test_texts_of_one_epoch_leave_no_files(make, tmp_path, monkeypatch):
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path))
    monkeypatch.setattr("xltrobust.encoders.tokenization._WORTH_A_FILE", 10)
    module = make()
    module.add_augmentation(shuffle_letters)
    module.add_view("twin", shuffle_letters)
    loader = module.train_dataloader()
    kept = list(tmp_path.rglob("*.npz"))
    assert len(kept) == 1  # the texts as they are
    assert len(list(loader)) == 7 and list(tmp_path.rglob("*.npz")) == kept


def test_evaluation_texts_are_never_augmented(make):
    module, plain = make(), make()
    module.add_augmentation(shuffle_letters)
    assert same(list(module.test_dataloader()[0]), list(plain.test_dataloader()[0]))


def test_data_counts_say_what_was_read_and_cut(make):
    module = make(max_length=16, max_train_examples=50, validate_targets=1)
    assert module.data_counts() == {"examples": {}, "truncated": {}}
    module.counts["left_out"] = {"why": 3}
    module.train_dataloader()
    assert module.validation_sets and module.test_sets
    counts = module.data_counts()
    assert counts["examples"] == {
        "train": {"en": 50}, "dev": dict.fromkeys(["en", "de", "zh"], 30), "test": dict.fromkeys(["en", "de", "zh"], 25)
    }  # fmt: skip
    assert counts["left_out"] == {"why": 3}
    tokenizer = module.tokenization.tokenizer
    for own in [*module.validation_sets, *module.test_sets]:
        long = sum(len(tokenizer(example.text)["input_ids"]) > 16 for example in own.examples)
        assert counts["truncated"][own.split].get(own.name, 0) == long
    assert counts["truncated"]["test"]["en"] > 0
    roomy = make(max_length=100)
    assert roomy.test_sets and roomy.data_counts()["truncated"] == {}


def test_with_several_devices_training_texts_are_tokenized_ahead(make):
    module = on_device(make(), 0, 2)
    module.prepare_data()
    assert module.data_counts()["examples"] == {"train": {"en": 120}}
    alone = make()
    alone.prepare_data()
    assert alone.data_counts()["examples"] == {}


def test_arguments_are_checked(make):
    for name in ("batch_size", "eval_batch_tokens", "max_train_examples", "max_dev_examples", "max_test_examples"):
        with pytest.raises(ValueError, match=f"`{name}` to be at least 1, but got 0"):
            make(**{name: 0})
    with pytest.raises(ValueError, match="`max_length` to be at least 4, but got 3"):
        make(max_length=3)
    with pytest.raises(ValueError, match="`validate_targets` to be at least 0, but got -1"):
        make(validate_targets=-1)


def test_a_task_without_training_examples_is_refused(tiny_encoder):
    class Empty(SeveralSplits):
        def read(self, split, language):
            return []

    with pytest.raises(ValueError, match="Empty has no training examples in 'en'"):
        Empty(tokenizer=str(tiny_encoder)).train_dataloader()
