#!/usr/bin/env python3
"""Published kernel timings -> samples that kvsim-fit makes a cost profile of.

    import_published.py FOLDER --device h200 --stack vllm > samples.json
    kvsim-fit samples.json --out configs/costs/h200-imported.json

The timings are NVIDIA aiconfigurator's (https://github.com/ai-dynamo/aiconfigurator, Apache-2.0),
collected on real GPUs: one CSV (gzip or plain) for each operation, in FOLDER. Two layouts are read:
aiconfigurator's own (generation_attention*, context_attention*, gemm*, custom_allreduce*; one stack
a file, named in it: gemm.vllm-0.24.0.csv; milliseconds), and one table for several stacks
(decode_attention, prefill_attention, gemm, allreduce; microseconds).

What is fitted is a grid of shapes; every row beside the grid is held out, to test the fit with:
whole columns of batch sizes, lengths and widths, so that no neighbour tells.
"""
import argparse
import csv
import glob
import gzip
import json
import os
import re
import statistics
import sys

# The grids. A row is fitted if all its coordinates are here, else it is held out.
DECODE = {
    "batch": [1, 4, 8, 32, 64, 256, 512, 2048],  # held out: 2, 16, 128, 1024
    "kv_len": [16, 64, 128, 512, 1024, 4096, 8192, 32768, 65536, 131072],  # 256, 2048, 16384
}
PREFILL = {
    "batch": [1, 4, 8, 32, 64, 256],  # held out: 2, 16, 128
    "new_tokens": [16, 64, 128, 512, 1024, 2048, 4096, 8192, 10240, 16384],  # 256, 1536, 3072 ...
}
# Edges of tiles (64, 65) stay edges. Held out: 2-7, 9-15, 17, 33, 80, 112, 160, 224, 1280 ...
ROWS = [1, 8, 16, 32, 48, 64, 65, 96, 128, 129, 192, 193, 256, 257, 512, 513, 768, 1024, 1025, 2048,
        4096, 8192, 16384, 32768]
HELD_OUT_WIDTHS = {2560, 12288}  # of either side of a matrix
# Heads of one GPU whose held-out rows travel with the profile, for a test that needs no tables:
# Llama-3-8B; 70B and Qwen3-14B on several GPUs; Qwen3-14B; MHA; head_dim 64.
EXTRACT = {(32, 8, 128), (8, 1, 128), (16, 2, 128), (40, 8, 128), (8, 8, 128), (64, 8, 64)}
FEWEST = 20  # rows on the grid that make a family
SHORTEST = {"decode": 16, "prefill": 16}  # shorter rows say nothing but the floor
DTYPES = {"bfloat16": "bf16", "fp8": "fp8"}
STACKS = {"vllm": "vLLM", "sglang": "SGLang", "trtllm": "TensorRT-LLM"}
# Bytes of L2, from NVIDIA's architecture papers (Ampere, Hopper, Blackwell) and the L40S data sheet.
MEGABYTE = 1 << 20
L2 = {"a100-80gb": 40 * MEGABYTE, "h100": 50 * MEGABYTE, "h200": 50 * MEGABYTE,
      "b200": 126 * MEGABYTE, "l40s": 96 * MEGABYTE}
# Versions of the many-stack tables, which do not carry them in their names.
VERSIONS = {"vllm": "0.24.0", "sglang": "0.5.14", "trtllm": "1.3.0rc20"}


def fail(problem):
    sys.exit(f"import_published.py: {problem}")


def table(folder, pattern):
    """Rows of the one file of FOLDER that matches, and its name."""
    found = sorted(glob.glob(os.path.join(folder, pattern)))
    if len(found) != 1:
        fail(f"{folder}: expected one file {pattern}, found {len(found)}")
    opener = gzip.open if found[0].endswith(".gz") else open
    try:
        with opener(found[0], "rt", newline="") as file:
            return list(csv.DictReader(file)), os.path.basename(found[0])
    except (OSError, EOFError, UnicodeDecodeError) as error:
        fail(f"{found[0]}: {error}")


def single_stack_tables(folder, stack):
    """aiconfigurator's own layout: milliseconds, one stack a file."""
    def rows(name):
        found, file = table(folder, f"{name}.{stack}-*.csv*")
        versions.append(re.search(r"-([0-9.]+\w*)\.csv", file).group(1))
        return found

    versions = []
    heads = lambda r: (int(r["num_heads"]), int(r["num_key_value_heads"]), int(r["head_dim"]))
    micro = lambda r: 1000 * float(r["latency"])
    decode = [(heads(r), r["kv_cache_dtype"], int(r["batch_size"]),
               int(r["isl"]) + int(r["step"]), micro(r))
              for r in rows("generation_attention") if int(r.get("window_size") or 0) == 0]
    prefill = [(heads(r), r["kv_cache_dtype"], int(r["batch_size"]), int(r["isl"]), micro(r))
               for r in rows("context_attention")
               if int(r.get("window_size") or 0) == 0 and int(r["step"]) == 0]
    gemm = [(r["gemm_dtype"], int(r["m"]), int(r["n"]), int(r["k"]), micro(r)) for r in rows("gemm")]
    version = versions[0]
    wide = 2  # bytes of an element; the sizes are in elements
    reduce = [(int(r["num_gpus"]), wide * int(r["message_size"]), micro(r))
              for r in rows("custom_allreduce") if r["backend"] == f"{stack}_graph"]
    return decode, prefill, gemm, reduce, version


def many_stack_tables(folder, stack):
    """One table for several stacks: microseconds."""
    decode_rows, _ = table(folder, "decode_attention.csv*")
    prefill_rows, _ = table(folder, "prefill_attention.csv*")
    gemm_rows, _ = table(folder, "gemm.csv*")
    reduce_rows, _ = table(folder, "allreduce.csv*")
    heads = lambda r: (int(r["num_heads"]), int(r["kv_heads"]), int(r["head_dim"]))
    decode = [(heads(r), r["kv_dtype"], int(r["batch"]), int(r["kv_len"]), float(r[stack + "_us"]))
              for r in decode_rows if r[stack + "_us"]]
    prefill = [(heads(r), r["kv_dtype"], int(r["batch"]), int(r["new_tokens"]),
                float(r["latency_us"])) for r in prefill_rows if r["backend"] == stack]
    gemm = [(r["dtype"], int(r["m"]), int(r["n"]), int(r["k"]), float(r["latency_us"]))
            for r in gemm_rows if r["backend"] == stack]
    source = f"custom_allreduce.{stack}."
    reduce = [(int(r["gpus"]), int(r["bytes"]), float(r["latency_us"])) for r in reduce_rows
              if r["source"].startswith(source) and not r["source"].endswith("_eager")]
    return decode, prefill, gemm, reduce, VERSIONS[stack]


def medians(rows):
    """Rows whose last column is a time: one for each shape, sorted."""
    times = {}
    for *shape, time in rows:
        times.setdefault(tuple(shape), []).append(time)
    return [(*shape, round(statistics.median(times[shape]), 3)) for shape in sorted(times)]


def families(rows, operation, grid):
    """Attention rows by heads and KV format, where enough of the grid was timed."""
    found = {}
    for heads, dtype, batch, length, time in medians(rows):
        if dtype in DTYPES and length >= SHORTEST[operation]:
            found.setdefault((heads, DTYPES[dtype]), []).append([batch, length, time])
    batches, lengths = grid.values()
    return [{"q_heads": heads[0], "kv_heads": heads[1], "head_dim": heads[2], "kv_dtype": dtype,
             "extract": heads in EXTRACT, "rows": found[heads, dtype]}
            for heads, dtype in sorted(found)
            if sum(batch in batches and length in lengths
                   for batch, length, _ in found[heads, dtype]) >= FEWEST]


def known(knots, rows, column):
    """Of the wanted knots those that the table has."""
    there = {row[column] for row in rows}
    return [knot for knot in knots if knot in there]


def gemm_tables(rows):
    rows = medians(rows)
    tables = []
    for dtype in sorted({row[0] for row in rows} & set(DTYPES)):
        of_type = [list(row[1:]) for row in rows if row[0] == dtype]
        widths = lambda column: sorted({row[column] for row in of_type} - HELD_OUT_WIDTHS)
        tables.append({"dtype": DTYPES[dtype],
                       "grid": {"m": known(ROWS, of_type, 0), "n": widths(1), "k": widths(2)},
                       "rows": of_type})
    return tables


def samples(folder, device, stack):
    many = bool(glob.glob(os.path.join(folder, "decode_attention.csv*")))
    decode, prefill, gemm, reduce, version = (many_stack_tables if many
                                              else single_stack_tables)(folder, stack)
    def attention(operation, axes, rows):
        grid = {axis: known(knots, rows, 2 + i) for i, (axis, knots) in enumerate(axes.items())}
        return {"grid": grid, "families": families(rows, operation, grid)}

    return {
        "samples_version": 1,
        "device": {"name": device, "l2_bytes": L2[device]},
        "source": "imported",
        "origin": f"NVIDIA aiconfigurator (Apache-2.0), {STACKS[stack]} {version}",
        "decode": attention("decode", DECODE, decode),
        "prefill": attention("prefill", PREFILL, prefill),
        "gemm": gemm_tables(gemm),
        "all_reduce": [{"gpus": gpus, "rows": [list(r[1:]) for r in medians(reduce)
                                               if r[0] == gpus]}
                       for gpus in sorted({row[0] for row in reduce})],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", help="where the published tables are")
    parser.add_argument("--device", required=True, choices=sorted(L2),
                        help="its name in configs/devices")
    parser.add_argument("--stack", default="vllm", choices=sorted(STACKS),
                        help="whose kernels (default: vllm)")
    arguments = parser.parse_args()
    if not os.path.isdir(arguments.folder):
        fail(f"{arguments.folder}: no such folder")
    try:
        result = samples(arguments.folder, arguments.device, arguments.stack)
    except (KeyError, ValueError) as error:
        fail(f"{arguments.folder}: a table is not laid out as expected: {error!r}")
    json.dump(result, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
