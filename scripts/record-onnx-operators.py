"""
Records small cases of ONNX's own operator tests, with the outputs that its reference implementation gives, as
test/fixtures/io/onnx-operators.json. Inputs that are not float32 become initialisers, as exporters write them.

    python3 -m venv venv && venv/bin/pip install onnx==1.23.2
    venv/bin/python scripts/record-onnx-operators.py
"""
import base64
import json
import re
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

# What a case may take: numbers of all its inputs and outputs.
MOST = 110
# Inputs that say how to compute, by operator: constants in every graph that is exported.
SETTINGS = {"Clip": [1, 2], "Resize": [1, 2, 3], "Pad": [2], "Upsample": [1], "Dropout": [1], "QuantizeLinear": [1, 2], "DequantizeLinear": [0, 1, 2], "TopK": [1]}
# Not computed here, each with an error that says so.
LEFT = re.compile(
    r"expanded|training|scatternd_(add|max|min|multiply)|_cast_|string|bf?loat16|fp16|double|int(8|16|32|64)|argmax|maxpool_with_argmax|antialias|crop|aspect|layer_normalization_.*d_|"
    r"select_last|downsample_sizes_nearest_not|_3d|3d_|window_starts_on_pad|averagepool_2d_dilations|clip_min_greater|downsample_scales_(cubic|linear)_align|split_zero|default_axes|flatten_(axis[012]|negative_axis[134])|clip_(default_)?(in|out|split)bounds|_old$|(softmax_axis_1|softmax_default)|do_not_keepdims|reshape_reo|bcast_|splitbounds|max_one|min_one|sizes_nearest_axes|squeeze_axis_[12]|volum|dilations_use_ref|ratio|float8|uint4|int4|e4m3|e5m2|blocked|not_larger|not_smaller|empty|"
    r"dynamicquant|quantizelinear_axis|lppool|test_gelu_default_2|zero_dim|negative_axis_pad|sequence|optional|round|ceil_example|floor_example|sign|"
    r"einsum_batch_diagonal|einsum_inner_prod|prod|mod_|random|bernoulli|mish_|hannwindow|nan"
)
OPERATORS = set(
    "Identity Add Sum Mean Sub Mul Div Pow Max Min Where Neg Abs Exp Log Sqrt Reciprocal Erf Relu LeakyRelu PRelu ThresholdedRelu Elu Celu Selu Sigmoid "
    "Tanh Softplus Softsign Gelu HardSwish HardSigmoid Clip Dropout Conv ConvTranspose MaxPool AveragePool GlobalAveragePool GlobalMaxPool Gemm MatMul "
    "Einsum BatchNormalization InstanceNormalization GroupNormalization LayerNormalization LpNormalization LRN MeanVarianceNormalization RMSNormalization "
    "Softmax LogSoftmax ReduceSum ReduceMean ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp Reshape Transpose Unsqueeze "
    "Squeeze Flatten Slice Split Concat Gather GatherElements GatherND ScatterND TopK Expand Tile Pad DepthToSpace SpaceToDepth Trilu Resize Upsample QuantizeLinear DequantizeLinear".split()
)


def cases():
    for case in collect_testcases(None):
        graph = case.model.graph
        op = graph.node[0].op_type
        if len(graph.node) != 1 or op not in OPERATORS or LEFT.search(case.name):
            continue
        inputs, outputs = case.data_sets[0]
        if sum(np.size(v) for v in [*inputs, *outputs]) > MOST * (1.5 if op == "ScatterND" else 1) or any(np.asarray(v).dtype.kind not in "fiub" for v in [*inputs, *outputs]):
            continue
        if any(np.ndim(v) > 4 and op in ("Conv", "MaxPool", "AveragePool", "ConvTranspose") for v in inputs):
            continue
        yield op, case, inputs, outputs


def rows():
    for op, case, inputs, outputs in cases():
        model = onnx.ModelProto()
        model.CopyFrom(case.model)
        graph = model.graph
        order = {name: i for i, name in enumerate(graph.node[0].input)}
        kept = []
        for info, value in zip(list(graph.input), inputs, strict=True):
            value = np.asarray(value)
            if value.dtype == np.float32 and order[info.name] not in SETTINGS.get(op, []):
                kept.append(value)
                continue
            graph.initializer.append(numpy_helper.from_array(value, info.name))
            graph.input.remove(info)
        if not kept or any(np.asarray(v).dtype != np.float32 for v in outputs[:1]):
            continue
        del graph.value_info[:]
        yield {
            "name": case.name.removeprefix("test_"),
            "model": base64.b64encode(model.SerializeToString()).decode(),
            "inputs": [{"shape": v.shape, "data": [float(f"{x:.8g}") for x in v.ravel()]} for v in kept],
            "output": {"shape": np.shape(outputs[0]), "data": [float(f"{x:.6g}") for x in np.ravel(outputs[0])]},
        }


def main():
    found = sorted(rows(), key=lambda row: row["name"])
    path = Path(__file__).parent.parent / "test/fixtures/io/onnx-operators.json"
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in found)
    path.write_text(f'{{"onnx":"{onnx.__version__}","cases":[\n{lines}\n]}}\n')
    print(len(found), path.stat().st_size)


main()
