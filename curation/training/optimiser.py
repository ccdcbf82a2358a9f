"""AdamW for a model whose token table is updated by rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from curation.training import kernels

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


class Optimiser:
    """AdamW (Loshchilov and Hutter 2019); a parameter with a sparse gradient is updated in the rows that it holds.

    A dense update of a table of V tokens reads and writes all of it and of its moments at each step, while a batch
    holds a small part of the tokens. Rows have no first moment: one that is added up lazily would move a row only when
    its token comes again. Their second moments are those of the dense optimiser (see `kernels.portable.adam_rows`).

    Args:
        parameters: by name.
        weight_decay: of matrices; vectors (gains, token weights) do not decay.
        scale: factor of each parameter's learning rate, by name.
    """

    def __init__(
        self, parameters: Mapping[str, torch.nn.Parameter], *, weight_decay: float, scale: Callable[[str], float]
    ) -> None:
        self.parameters = dict(parameters)
        self._decay = {name: weight_decay if value.dim() > 1 else 0.0 for name, value in self.parameters.items()}
        self._scale = {name: scale(name) for name in self.parameters}
        groups = [{"params": [value], "weight_decay": self._decay[name]} for name, value in self.parameters.items()]
        self._dense = torch.optim.AdamW(groups, lr=0.0, betas=_BETAS, eps=_EPSILON, fused=True)
        self._rows: dict[str, dict[str, torch.Tensor]] = {}
        self._steps = 0

    def step(self, rate: float, *, max_norm: float) -> bool:
        """Take a step; return whether it was taken: not if a gradient is not finite. Gradients are gone afterwards.

        Args:
            rate: learning rate.
            max_norm: gradients that are longer, all together, are scaled to this.
        """
        gradients = {name: value.grad for name, value in self.parameters.items() if value.grad is not None}
        values = [gradient._values() if gradient.is_sparse else gradient for gradient in gradients.values()]
        norm = torch.nn.utils.get_total_norm(values)
        if not bool(norm.isfinite()):
            return False
        if float(norm) > max_norm:
            torch._foreach_mul_(values, max_norm / float(norm))
        self._steps += 1
        for name, gradient in gradients.items():
            if gradient.is_sparse:
                self._step_rows(name, gradient, rate * self._scale[name])
                # Torch's own optimiser passes over what has no gradient.
                self.parameters[name].grad = None
        for name, group in zip(self.parameters, self._dense.param_groups, strict=True):
            group["lr"] = rate * self._scale[name]
        self._dense.step()
        self._dense.zero_grad()
        return True

    @torch.no_grad()
    def _step_rows(self, name: str, gradient: torch.Tensor, rate: float) -> None:
        weights = self.parameters[name].detach()
        # A vector is a table of one column.
        table = weights if weights.dim() > 1 else weights[:, None]
        if name not in self._rows:
            self._rows[name] = _fresh(table)
        state = self._rows[name]
        kernels.adam_rows(
            table,
            state["squares"],
            state["last"],
            gradient._indices()[0],
            gradient._values().reshape(-1, table.shape[1]),
            step=self._steps,
            rate=rate,
            decay=self._decay[name],
            beta=_BETAS[1],
            epsilon=_EPSILON,
        )

    def forget(self) -> None:
        """Start the moments anew, after the parameters have been given another meaning."""
        self._dense.state.clear()
        self._rows.clear()
        self._steps = 0

    def state(self) -> dict[str, torch.Tensor]:
        """Return the moments under flat names, without copying."""
        rows = {f"rows/{name}/{key}": value for name, state in self._rows.items() for key, value in state.items()}
        dense = {
            f"dense/{name}/{key}": value
            for name, parameter in self.parameters.items()
            for key, value in self._dense.state.get(parameter, {}).items()
        }
        return rows | dense | ({"steps": torch.tensor(self._steps)} if self._steps else {})

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take over moments that `state` returned; names that are none of its own are passed over."""
        self.forget()
        for name, value in state.items():
            kind, _, rest = name.partition("/")
            parameter, _, key = rest.rpartition("/")
            if kind == "rows":
                self._rows.setdefault(parameter, {})[key] = self._beside(parameter, value)
            elif kind == "steps":
                self._steps = int(value)
            elif kind == "dense":
                self._dense.state[self.parameters[parameter]][key] = self._beside(parameter, value)

    def _beside(self, name: str, value: torch.Tensor) -> torch.Tensor:
        """Return a copy of a moment on the device of its parameter."""
        return value.to(self.parameters[name].device, copy=True)


def _fresh(table: torch.Tensor) -> dict[str, torch.Tensor]:
    last = torch.zeros(len(table), dtype=torch.int64, device=table.device)
    return {"squares": torch.zeros_like(table), "last": last}
