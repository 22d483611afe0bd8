"""The network as an ONNX file that OpenCV's DNN module runs, and back.

The weights are stored in half precision under their names in the PyTorch state dict, with a cast to
float32 behind each, and batch norms as they are: the same file also continues a training. OpenCV
folds both when it loads the file. The graph is written node by node from a trace of the modules,
since PyTorch's own exporter surrounds dynamic sizes with operations that OpenCV can't read.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from timm.layers import BatchNormAct2d
from torch import fx, nn
from torch.nn import functional

from ..scene.maps import CHANNELS, INPUT, MULTIPLE, OUTPUT, STRIDE
from .network import FixedConv, SceneNetwork

OPSET = 13
NOMINAL_SIZE = (256, 320)
"""Height and width that the file names for the input."""
LEAVES = (
    nn.Conv2d,
    FixedConv,
    nn.BatchNorm2d,
    nn.ReLU,
    nn.ReLU6,
    nn.AdaptiveAvgPool2d,
    nn.Identity,
)
PRODUCER = "make4d train"


def export(network: SceneNetwork, path: Path) -> None:
    """Write a network to an ONNX file."""
    network.eval()
    model = GraphWriter(network).model()
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())


def export_random(path: Path, seed: int = 0) -> None:
    """Write an untrained network to an ONNX file, for tests."""
    torch.manual_seed(seed)
    export(SceneNetwork(), path)


def load_weights(network: SceneNetwork, path: Path) -> None:
    """Load the weights of an ONNX file that `export` wrote.

    Raises:
        RuntimeError: if the file holds another network.
    """
    graph = onnx.load(str(path)).graph
    tensors = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    wanted = network.state_dict()
    state = {
        name: torch.from_numpy(tensors[name].astype(np.float32))
        for name in wanted
        if name in tensors
    }
    counters = {name: wanted[name] for name in wanted if name.endswith("num_batches_tracked")}
    network.load_state_dict(state | counters)


class LeafTracer(fx.Tracer):
    """Traces a network down to the modules that `GraphWriter` has a node for."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Return whether a module is traced as one step."""
        return isinstance(m, (*LEAVES, BatchNormAct2d))


class GraphWriter:
    """Writes the ONNX graph of a network, one traced step after the other."""

    def __init__(self, network: SceneNetwork) -> None:
        self.modules = dict(network.named_modules())
        self.steps = LeafTracer().trace(network)
        self.nodes: list[NodeProto] = []
        self.tensors: list[TensorProto] = []
        self.names: dict[str, str] = {}

    def model(self) -> onnx.ModelProto:
        """Return the whole model."""
        for step in self.steps.nodes:
            self.names[step.name] = self.add_step(step)
        # OpenCV 4 needs sizes when it reads the file; both 4 and 5 then run any other as well.
        height, width = NOMINAL_SIZE
        sizes = (1, 3, height, width), (1, CHANNELS, height // STRIDE, width // STRIDE)
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, size)
            for name, size in zip((INPUT, OUTPUT), sizes, strict=True)
        ]
        graph = helper.make_graph(self.nodes, "scene", ends[:1], ends[1:], self.tensors)
        graph.doc_string = f"rgb * 2 - 1, sides multiples of {MULTIPLE}"
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name=PRODUCER)

    def add_step(self, step: fx.Node) -> str:
        """Write a traced step and return the name of its result."""
        if step.op == "placeholder":
            return INPUT
        inputs = [self.names[source.name] for source in step.all_input_nodes]
        if step.op == "output":
            self.nodes[-1].output[0] = OUTPUT
            return OUTPUT
        if step.op == "call_module":
            return self.add_module(str(step.target), inputs[0])
        if step.target is functional.interpolate:
            return self.add_upsampling(step, inputs[0])
        return self.add(*FUNCTIONS[step.target], inputs, step.name)

    def add_module(self, name: str, source: str) -> str:
        """Write the node of a module and return the name of its result."""
        module = self.modules[name]
        if isinstance(module, nn.Identity):
            return source
        if isinstance(module, nn.Conv2d | FixedConv):
            return self.add_convolution(name, module, source)
        if isinstance(module, nn.BatchNorm2d):
            parts = [f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
            weights = [self.add_weights(part, self.tensor(part)) for part in parts]
            normed = self.add("BatchNormalization", {"epsilon": module.eps}, [source, *weights])
            if isinstance(getattr(module, "act", None), nn.ReLU6):
                return self.add_clip(normed)
            return normed
        if isinstance(module, nn.ReLU6):
            return self.add_clip(source)
        kind = {nn.ReLU: "Relu", nn.AdaptiveAvgPool2d: "GlobalAveragePool"}[type(module)]
        return self.add(kind, {}, [source])

    def add_convolution(self, name: str, module: nn.Conv2d | FixedConv, source: str) -> str:
        """Write a convolution."""
        kernel = list(module.weight.shape[2:])
        if isinstance(module, FixedConv):
            pads = [module.before] * 2 + [module.after] * 2
            strides, bias = [module.stride] * 2, None
        else:
            pads, strides = [module.padding[0], module.padding[1]] * 2, list(module.stride)
            bias = module.bias
        inputs = [source, self.add_weights(f"{name}.weight", module.weight)]
        if bias is not None:
            inputs.append(self.add_weights(f"{name}.bias", bias))
        sizes = {"kernel_shape": kernel, "pads": pads, "strides": strides}
        return self.add("Conv", {**sizes, "group": module.groups}, inputs)

    def add_clip(self, source: str) -> str:
        """Write a ReLU6."""
        for name, value in (("zero", 0.0), ("six", 6.0)):
            if all(tensor.name != name for tensor in self.tensors):
                self.tensors.append(numpy_helper.from_array(np.array(value, np.float32), name))
        return self.add("Clip", {}, [source, "zero", "six"])

    def add_upsampling(self, step: fx.Node, source: str) -> str:
        """Write a bilinear upsampling by a constant factor."""
        factor = step.kwargs["scale_factor"]
        name = f"scales_{factor:g}"
        if all(tensor.name != name for tensor in self.tensors):
            scales = np.array([1, 1, factor, factor], np.float32)
            self.tensors.append(numpy_helper.from_array(scales, name))
        mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return self.add("Resize", mode, [source, "", name])

    def add_weights(self, name: str, values: torch.Tensor) -> str:
        """Store a tensor in half precision and return the name of its cast to float32."""
        half = values.detach().to(torch.float16).numpy()
        self.tensors.append(numpy_helper.from_array(half, name))
        return self.add("Cast", {"to": TensorProto.FLOAT}, [name], f"{name}.float")

    def add(self, kind: str, attributes: dict[str, Any], inputs: list[str], name: str = "") -> str:
        """Write a node and return the name of its result."""
        result = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [result], name=result, **attributes))
        return result

    def tensor(self, name: str) -> torch.Tensor:
        """Return a parameter or buffer by its name in the state dict."""
        module, _, part = name.rpartition(".")
        tensor = getattr(self.modules[module], part)
        assert isinstance(tensor, torch.Tensor)
        return tensor


FUNCTIONS: dict[Callable[..., Any] | str, tuple[str, dict[str, Any]]] = {
    operator.add: ("Add", {}),
    operator.mul: ("Mul", {}),
    torch.sigmoid: ("Sigmoid", {}),
    torch.cat: ("Concat", {"axis": 1}),
}
"""The ONNX operations of the functions that the network calls, with their attributes."""
