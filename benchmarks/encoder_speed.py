"""How many texts a second do the offline encoders read, on one thread, tokenizing not included?

    python benchmarks/encoder_speed.py [--texts 512] [--rounds 5]

The encoders take turns; medians over the rounds. The texts are Home Assistant's English, German, Spanish and
Russian test commands.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from xltrobust.datamodules import HomeAssistantIntents
from xltrobust.encoders.batches import length_batches
from xltrobust.encoders.load import encoder_inputs, load_encoder
from xltrobust.encoders.tokenization import Tokenization

ENCODERS = ("bundled", "bundled-cnn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = HomeAssistantIntents(languages=["de", "es", "ru"], max_test_examples=options.texts // 4)
    data.prepare_data()
    data.setup("test")
    examples = [example for own in data.test_sets for example in own.examples][: options.texts]
    models = {}
    for name in ENCODERS:
        tokenization = Tokenization(name, 128)
        table = tokenization.table(examples, keep=False)
        batches = [
            tokenization.collate([table.row(at) for at in indices], to_grid=True)
            for indices in length_batches(table.lengths.tolist(), 1024)
        ]
        models[name] = (load_encoder(name).eval(), batches)
    speeds: dict[str, list[float]] = {name: [] for name in ENCODERS}
    with torch.inference_mode():
        for number in range(options.rounds + 1):  # the first warms up
            for name, (encoder, batches) in models.items():
                started = time.perf_counter()
                for batch in batches:
                    encoder(**encoder_inputs(encoder, batch))
                if number:
                    speeds[name].append(len(examples) / (time.perf_counter() - started))
    print("| encoder | texts/s | rounds |\n|---|---:|---|")
    for name, found in speeds.items():
        print(f"| {name} | {statistics.median(found):.0f} | {', '.join(f'{value:.0f}' for value in found)} |")
    quotient = statistics.median([cnn / bert for bert, cnn in zip(*speeds.values(), strict=True)])
    print(f"\n{len(examples)} texts; {ENCODERS[1]} is {quotient:.1f} times as fast.")


if __name__ == "__main__":
    main()
