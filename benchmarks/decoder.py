"""Training steps of the decoder: tokens a second, its share of the machine's matrix-product rate, and where time goes.

    python benchmarks/decoder.py --device cuda --shape 0.6B [--sequences 72] [--length 256] [--compile]
    python benchmarks/decoder.py                        # a tiny shape on the processor

A step is forward, loss and backward of one batch with all three nestings on: one rank of the token table, all exits,
all dimensions. Its loss is a plain in-batch softmax at every cell; no optimiser runs. Weights are random. "model FLOP"
counts the products of the layers that are needed for the outputs (two a weight and token forward, four backward; half
of the attention square; the last layer's queries and MLP for last tokens only), so that what checkpointing computes
again is no gain. The share is that of the rate measured in the same type for a product of square matrices. Parts are
timed alone, forward and backward, and multiplied by the number of layers; they add up to about the whole.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch.nn import functional

from curation.training.decoder.attention import Kernel, attend, has_varlen
from curation.training.decoder.layers import Context, Layer
from curation.training.decoder.model import Decoder, DecoderOptions, random_decoder
from curation.training.decoder.packing import Packing
from curation.training.decoder.rope import rotations
from curation.training.decoder.shape import PRESETS, DecoderShape

TINY = DecoderShape(8_000, width=256, mlp_width=768, layers=4, query_heads=4, key_heads=2, head_dim=64)
SHAPES = {**PRESETS, "tiny": TINY}
TEMPERATURE = 0.05
WARM_UP = 2


@dataclass(frozen=True)
class Clock:
    """Times work on a device.

    Attributes:
        device: on which it runs.
        runs: number of timed runs.
    """

    device: torch.device
    runs: int

    def seconds(self, work: Callable[[], object]) -> float:
        """Return the median time of a call, after some untimed ones."""
        taken = []
        for _ in range(WARM_UP + self.runs):
            self._wait()
            begin = self._now()
            work()
            self._wait()
            taken.append(self._now() - begin)
        return median(taken[WARM_UP:])

    def _now(self) -> float:
        # A processor is shared with others, and its time on one thread is what the work costs.
        return time.perf_counter() if self.device.type == "cuda" else time.process_time() / torch.get_num_threads()

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def product_rate(clock: Clock, dtype: torch.dtype) -> float:
    """Return the FLOP/s of a product of square matrices."""
    size = 8_192 if clock.device.type == "cuda" else 1_024
    left, right = (torch.randn(size, size, device=clock.device).to(dtype) for _ in range(2))
    return 2 * size**3 / clock.seconds(lambda: left @ right)


def model_flop(shape: DecoderShape, lengths: torch.Tensor, rank: int, distinct: int) -> float:
    """Return the products of a forward and backward pass that the outputs need."""
    total, n = float(lengths.sum()), len(lengths)
    queries, keys = (heads * shape.head_dim for heads in (shape.query_heads, shape.key_heads))
    by_query = 2 * shape.width * queries + 3 * shape.width * shape.mlp_width
    square = float((lengths.double() ** 2).sum()) / 2
    whole = total * (by_query + 2 * shape.width * keys) + 2 * queries * square
    last = total * 2 * shape.width * keys + n * by_query + 2 * queries * total
    table = distinct * rank * shape.width
    return 3 * 2 * ((shape.layers - 1) * whole + last + table)


def loss_of(exits: torch.Tensor, dims: tuple[int, ...]) -> torch.Tensor:
    """Return the mean in-batch softmax loss of all cells; the first half of the rows are queries of the second."""
    cells = []
    for states in exits:
        queries, passages = states.chunk(2)
        target = torch.arange(len(queries), device=states.device)
        for dim in dims:
            near = functional.normalize(queries[:, :dim], dim=1) @ functional.normalize(passages[:, :dim], dim=1).T
            cells.append(functional.cross_entropy(near / TEMPERATURE, target))
    return torch.stack(cells).mean()


def backward(output: torch.Tensor) -> None:
    """Run the backward pass with a gradient of ones."""
    output.backward(torch.ones_like(output))


def parts(model: Decoder, tokens: torch.Tensor, lengths: torch.Tensor, rank: int, clock: Clock) -> dict[str, float]:
    """Return the seconds of each part of a step, forward and backward."""
    shape, options = model.shape, model.options
    layer = model.layers[0]
    assert isinstance(layer, Layer)
    packing = Packing.of(lengths)
    cosine, sine = rotations(packing.longest, shape.head_dim, shape.rope_theta, tokens.device)
    context = Context(packing, cosine[packing.positions], sine[packing.positions], options.kernel)
    kind = torch.bfloat16 if options.bf16 else torch.float32
    x = torch.randn(len(tokens), shape.width, device=tokens.device, requires_grad=True)
    low = x.detach().to(kind).requires_grad_()
    heads = [
        torch.randn(len(tokens), count, shape.head_dim, device=tokens.device, dtype=kind, requires_grad=True)
        for count in (shape.query_heads, shape.key_heads, shape.key_heads)
    ]
    exits = torch.randn(len(model.depths), len(lengths), shape.width, device=tokens.device, requires_grad=True)
    most = shape.layers - 1

    def autocast(work: Callable[[], torch.Tensor]) -> Callable[[], None]:
        def run() -> None:
            with torch.autocast(tokens.device.type, dtype=torch.bfloat16, enabled=options.bf16):
                output = work()
            backward(output)

        return run

    timed: dict[str, tuple[int, Callable[[], torch.Tensor]]] = {
        "token table": (1, lambda: model.table.rows(tokens, rank)),
        "layers": (most, lambda: layer(x, context, last_only=False)),
        "  of which attention": (most, lambda: attend(*heads, packing, options.kernel)),
        "  of which MLP": (most, lambda: layer.mlp(low)),
        "  of which two norms": (2 * most, lambda: layer.input_layernorm(x)),
        "last layer": (1, lambda: layer(x, context, last_only=True)),
        "last layer, if it were whole": (1, lambda: layer(x, context, last_only=False)),
        "loss": (1, lambda: loss_of(exits, model.dims)),
    }
    return {name: times * clock.seconds(autocast(work)) for name, (times, work) in timed.items()}


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="tiny")
    parser.add_argument("--sequences", type=int, default=None, help="default: 72 on CUDA, 16 elsewhere")
    parser.add_argument("--length", type=int, default=None, help="tokens of a sequence; default: 256, 64 elsewhere")
    parser.add_argument("--uneven", action="store_true", help="lengths evenly from 1 to twice --length")
    parser.add_argument("--full-rank", type=int, default=None, help="default: half of the width")
    parser.add_argument("--rank", type=int, default=None, help="default: the full one")
    parser.add_argument("--kernel", choices=list(Kernel), default=None, help="default: varlen on CUDA, else explicit")
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--float32", action="store_true", help="no bfloat16; so on a processor without --bf16")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 on a processor; slow without AVX-512 BF16 or AMX")
    parser.add_argument("--bf16-weights", action="store_true", help="weights in bfloat16 too: no casts a step")
    parser.add_argument("--compile", action="store_true", help="compile the layers (torch.compile)")
    parser.add_argument("--threads", type=int, default=1, help="on the processor")
    parser.add_argument("--runs", type=int, default=5)
    return parser.parse_args()


def main() -> None:
    """Print the figures."""
    given = arguments()
    torch.set_num_threads(given.threads)
    device = torch.device(given.device)
    cuda, shape, clock = device.type == "cuda", SHAPES[given.shape], Clock(device, given.runs)
    kernel = Kernel(given.kernel or ("varlen" if cuda else "explicit"))
    bf16 = (cuda or given.bf16) and not given.float32
    options = DecoderOptions(kernel, checkpointing=given.checkpointing, bf16=bf16)
    full = given.full_rank or shape.width // 2
    rank = given.rank or full
    generator = torch.Generator(device).manual_seed(0)
    model = random_decoder(shape, rank=full, generator=generator, options=options, sparse_gradient=True)
    if given.bf16_weights:
        model = model.to(torch.bfloat16)
    if given.compile:
        for layer in model.layers:
            layer.compile(dynamic=True)
    n, length = given.sequences or (72 if cuda else 16), given.length or (256 if cuda else 64)
    lengths = torch.full((n,), length, device=device)
    if given.uneven:
        lengths = torch.randint(1, 2 * length + 1, (n,), generator=generator, device=device)
    tokens = torch.randint(shape.vocabulary, (int(lengths.sum()),), generator=generator, device=device)

    def step() -> None:
        model.zero_grad(set_to_none=True)
        loss_of(model(tokens, lengths, rank=rank, exits=len(model.depths)), model.dims).backward()

    probe = torch.empty(1, device=device, dtype=torch.bfloat16 if bf16 else torch.float32)
    used = "sdpa, for lack of varlen" if kernel is Kernel.VARLEN and not has_varlen(probe) else kernel
    print(f"{given.shape}: {sum(weight.numel() for weight in model.parameters()):,} parameters, rank {rank} of {full}")
    print(
        f"{torch.cuda.get_device_name(device) if cuda else 'processor'}, torch {torch.__version__}, attention: {used}"
    )
    print(f"{n} sequences, {len(tokens):,} tokens, exits {model.depths}, dimensions {model.dims}")
    took, rate = clock.seconds(step), product_rate(clock, probe.dtype)
    flop = model_flop(shape, lengths, rank, len(tokens.unique()))
    print(
        f"\n{1e3 * took:,.1f} ms a step, {len(tokens) / took:,.0f} tokens/s, {flop / took / 1e12:.3f} TFLOP/s (model)"
    )
    print(f"square product: {rate / 1e12:.3f} TFLOP/s; share {flop / took / rate:.1%}")
    if cuda:
        print(f"peak memory {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB")
    print("\nms, forward and backward")
    for name, seconds in parts(model, tokens, lengths, rank, clock).items():
        print(f"  {name:<32}{1e3 * seconds:>10.1f}")


if __name__ == "__main__":
    main()
